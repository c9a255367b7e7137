"""`python -m nextlong_hub`: the command line."""

from nextlong_hub.cli import main

if __name__ == "__main__":
    main()
