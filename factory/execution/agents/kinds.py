"""The kinds of agents that a host has: what `agents.<name>.kind` in WORKFLOW.md may say."""

from collections.abc import Mapping
from types import MappingProxyType

from factory.execution.agents.agent import COMMAND, Agent, CommandAgent
from factory.execution.agents.app_server.agent import AppServerAgent
from factory.execution.agents.programs.acp import ACP
from factory.execution.agents.programs.claude import CLAUDE
from factory.execution.agents.programs.codex import CODEX
from factory.execution.agents.programs.opencode import OPENCODE
from factory.execution.agents.programs.program import Program, ProgramAgent

PROGRAMS: Mapping[str, Program] = MappingProxyType({"claude": CLAUDE, "codex": CODEX, "opencode": OPENCODE, "acp": ACP})
BY_HOOKS = frozenset(kind for kind, program in PROGRAMS.items() if program.on_write)  # run `on_write` themselves
APP_SERVER = "codex-app-server"
Agents = Mapping[str, Agent]  # by kind
AGENTS: Agents = MappingProxyType(
    {
        COMMAND: CommandAgent(),
        APP_SERVER: AppServerAgent(),
        **{kind: ProgramAgent(program) for kind, program in PROGRAMS.items()},
    }
)
