"""What every other package may use; nothing here depends on datasets.

files        files that are whole or absent, digests, JSON
settings     the base of every section of a recipe, and its errors in words
config_names what a configuration may be called on every file system
registry     extensions found by the constant that they define
printable    hidden characters made visible; numbers, sizes and durations as text
lazy         public names that are imported when they are first used
signals      SIGINT and SIGTERM as exceptions
foreign      JSON, YAML and TOML that others wrote, within limits
confined     what others programmed, in a process with limits; waiting: work that is waited for so long and no longer
memory       peak memory, and freed memory given back to the system
"""
