"""`dragonet generate`: files made from the firmware's own tables."""

import typer

app = typer.Typer(add_completion=False, help="Make files from the firmware's own tables.")


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
