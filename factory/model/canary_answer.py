"""The canary: whether the checks of a contract notice that the product is gone, as it was found once."""

from enum import StrEnum

from factory.model.base import Format, digest_of
from factory.model.contract import Contract


class CanaryAnswer(StrEnum):
    """What became of a check when the product was gone."""

    FAILS = "fails"  # as it should
    DOCUMENTATION = "documentation"  # it passes, and fails when the documentation is gone: that is what it is about
    PASSES = "passes"  # it proves nothing


class Canary(Format):
    """What became of each check of a contract, in one environment."""

    contract: str  # its name
    rules: str  # the digest of what of the contract it hangs on
    environment: str
    answers: dict[str, CanaryAnswer]

    @property
    def silent(self) -> tuple[str, ...]:
        """The checks that pass without the product."""
        return tuple(name for name, answer in self.answers.items() if answer is CanaryAnswer.PASSES)


def rules_of(contract: Contract) -> str:
    """The digest of what of a contract a canary hangs on."""
    told = contract.model_dump(mode="json", include={"checks", "checks_from", "produces"})
    return digest_of(told)
