"""The one exception that is meant for the person at the keyboard."""


class UserError(Exception):
    """Something the user gave cannot be used as it is.

    The message names the file, line, column or flag and says what to type next; commands print it
    without a traceback.
    """
