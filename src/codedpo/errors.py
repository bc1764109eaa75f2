"""The exceptions that codedpo raises, in one tree.

    CodeDPOError
     +-- ConfigError    the configuration or the command line is wrong        (exit code 2)
     +-- LLMError       the language model could not be asked or understood   (exit code 1)
     +-- SandboxError   the sandbox itself failed; never the code inside it   (exit code 1)
     +-- RecordError    data on disk or in memory is not what it should be    (exit code 1)
     +-- ModelError     weights are missing, altered or cannot be trained     (exit code 1)

An untrusted program's failure is an `Outcome`, not an exception.
"""


class CodeDPOError(Exception):
    """Base of all errors that this package raises on purpose; its text is meant for the user."""


class ConfigError(CodeDPOError):
    """The configuration, an override or an argument is wrong."""


class LLMError(CodeDPOError):
    """The language model did not answer, or not in its protocol."""


class SandboxError(CodeDPOError):
    """The sandbox could not be started or broke."""


class RecordError(CodeDPOError):
    """Rows are missing, unreadable, of another schema, or could not be written."""


class ModelError(CodeDPOError):
    """A model's files are missing or altered, or training it failed."""
