"""Sign a learner out everywhere else."""

from __future__ import annotations

from chalicelib.errors import ChangedMeanwhile
from chalicelib.shop import session as sessions
from chalicelib.shop import user as users
from chalicelib.shop.caller import Caller
from chalicelib.storage.dynamodb import Transaction


def end_others(caller: Caller) -> None:
    """End all sessions of the caller's but this one, however many there are, in one transaction of two writes.

    Two requests of one session at once end the others once. Raises TokenRefused when this session has ended meanwhile.
    """
    here = caller.signed_in()
    transaction = Transaction()
    generation = users.raise_generation(transaction, here.user, ChangedMeanwhile(what="user"))
    sessions.carry_over(transaction, here.session, generation)
    try:
        transaction.commit(witness=lambda: sessions.is_of_generation(here.session, generation))
    except ChangedMeanwhile:
        # Whoever has raised the generation since has ended all sessions but one. If that is this one, all is done.
        caller.confirm_again()
