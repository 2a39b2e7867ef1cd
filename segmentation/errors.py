"""What a user did or gave wrong, as one sentence."""


class UserError(Exception):
    """Ends the command with its text, one sentence naming what to fix, and no stack trace."""
