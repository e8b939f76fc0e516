"""`python -m fillwire`: the same as the `fillwire` command."""

from fillwire.cli import main

if __name__ == "__main__":
    main(prog_name="fillwire")
