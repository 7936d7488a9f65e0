"""The product: which files of a repository are what is made, and which test, set up or explain it."""

from factory.model.globs import matches

TESTS = (
    *("**/test/**", "**/tests/**", "**/testdata/**", "**/fixtures/**", "**/__tests__/**", "**/spec/**"),
    *("**/__snapshots__/**", "**/e2e/**", "**/test_*", "**/*_test.*", "**/*_tests.*", "**/tests.*", "**/*.test.*"),
    *("**/*.spec.*", "**/*_spec.*", "**/*Test.java", "**/*Tests.cs", "**/conftest.py"),
)
CONFIGURATION = (
    *("**/.*", "**/.*/**", "**/*.toml", "**/*.cfg", "**/*.ini", "**/*.yaml", "**/*.yml", "**/*.lock", "**/*.mk"),
    *("**/*.config.*", "**/package*.json", "**/tsconfig*.json", "**/setup.py", "**/noxfile.py", "**/tasks.py"),
    *("**/Makefile", "**/makefile", "**/GNUmakefile", "**/justfile", "**/Rakefile", "**/Gemfile*", "**/Dockerfile*"),
    *(
        "**/CMakeLists.txt",
        "**/*.cmake",
        "**/meson.build",
        "**/*.gradle",
        "**/*.gradle.kts",
        "**/pom.xml",
        "**/build.rs",
    ),
    *("**/go.mod", "**/go.sum", "**/requirements*.txt", "**/MANIFEST.in", "**/py.typed"),
)
DOCUMENTATION = (
    *("**/*.md", "**/*.rst", "**/*.adoc", "**/*.txt", "**/*.html", "doc/**", "docs/**", "**/README*", "**/CHANGELOG*"),
    *("**/LICENSE*", "**/NOTICE*"),
)


def is_yardstick(path: str) -> bool:
    """Whether a file is a test, or a setting of what runs the tests."""
    return matches(path, TESTS) or matches(path, CONFIGURATION)
