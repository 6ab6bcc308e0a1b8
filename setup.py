"""Build step: compile the interface texts.

Everything else about the package is in pyproject.toml.
"""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithTexts(build_py):
    """Compiles archive/locale/*/LC_MESSAGES/*.po beside their sources, before the package data are
    collected.
    """

    def run(self) -> None:
        for source in Path(__file__).parent.glob("archive/locale/*/LC_MESSAGES/*.po"):
            with source.open("rb") as file, source.with_suffix(".mo").open("wb") as target:
                write_mo(target, read_po(file))
        super().run()


setup(cmdclass={"build_py": BuildWithTexts})
