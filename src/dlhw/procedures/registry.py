"""Every procedure that does not train, by the name of its config."""

from collections.abc import Callable

from dlhw.config.root import TrainConfig
from dlhw.procedures.certificate import certificate
from dlhw.procedures.findings import Findings
from dlhw.procedures.identities import identities
from dlhw.procedures.verify import verify
from dlhw.procedures.vote import vote

PROCEDURES: dict[str, Callable[[TrainConfig], Findings]] = {
    "certificate": certificate,
    "verify": verify,
    "identities": identities,
    "vote": vote,
}
