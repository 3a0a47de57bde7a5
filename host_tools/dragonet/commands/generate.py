"""`dragonet generate`: files made from the firmware's own tables."""

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make files from the firmware's own tables.")


@app.callback()
def _generate() -> None:
    """Make files from the firmware's own tables."""


@app.command()
def packages() -> None:
    """Write boards/<role>/package.json: what each board's app imports.

    Example: dragonet generate packages
    """
    from dragonet.generate import packages

    for role in packages.ROLES:
        if packages.write(role):
            print(f"boards/{role}/package.json")


@app.command()
def hashes() -> None:
    """Write firmware/core/hashes.py: by which the boards know each other's dictionaries.

    Example: dragonet generate hashes
    """
    from dragonet.generate import hashes

    if hashes.write():
        print("firmware/core/hashes.py")
