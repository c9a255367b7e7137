"""A whole build beside what one would write without this package."""
