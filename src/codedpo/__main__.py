"""`python -m codedpo`."""

from codedpo.cli import main

if __name__ == "__main__":
    main()
