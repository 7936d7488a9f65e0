"""The program that looks for secrets: it is told texts by name, and tells what it found in them.

The one door to detect-secrets. Only detectors of known forms are used: entropy and key words find more than there is.
"""

import re
import sys
from collections.abc import Iterator
from types import ModuleType

# Detectors have it to ask a service whether a secret works. Nothing found here is sent anywhere; and loading it takes
# longer than all the rest.
sys.modules["requests"] = ModuleType("requests")

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector
from pydantic import JsonValue

from factory.store.helper import serve

_LONGEST = 10_000  # characters of a line that are looked at in one go
_OVERLAP = 500


class ApiKeyDetector(RegexBasedDetector):
    """Forms that the library does not know yet: of Anthropic, OpenAI, Google, GitHub and npm."""

    secret_type = "API key"
    denylist = (
        re.compile(r"\bsk-(?:ant|proj|svcacct)-[A-Za-z0-9_-]{20,}"),
        re.compile(r"\bAIza[A-Za-z0-9_-]{35}"),
        re.compile(r"\bgithub_pat_[A-Za-z0-9_]{22,}"),
        re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    )


_DETECTORS: tuple[BasePlugin, ...] = (
    ApiKeyDetector(),
    ArtifactoryDetector(),
    AWSKeyDetector(),
    AzureStorageKeyDetector(),
    DiscordBotTokenDetector(),
    GitHubTokenDetector(),
    GitLabTokenDetector(),
    JwtTokenDetector(),
    MailchimpDetector(),
    NpmDetector(),
    OpenAIDetector(),
    PrivateKeyDetector(),
    PypiTokenDetector(),
    SendGridDetector(),
    SlackDetector(),
    SquareOAuthDetector(),
    StripeDetector(),
    TelegramBotTokenDetector(),
    TwilioKeyDetector(),
)


def find(text: str) -> Iterator[tuple[int, str]]:
    """(line, kind) of everything in a text that has the form of a secret."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        for start in range(0, len(line), _LONGEST - _OVERLAP):
            piece = line[start : start + _LONGEST]
            for detector in _DETECTORS:
                if any(detector.analyze_string(piece)):
                    yield number, detector.secret_type


def _answer(texts: JsonValue) -> JsonValue:
    """What was found in texts by name."""
    assert isinstance(texts, dict)
    found = {(name, *each) for name, text in texts.items() for each in find(str(text))}
    return [[*each] for each in sorted(found)]


if __name__ == "__main__":
    serve(_answer)
