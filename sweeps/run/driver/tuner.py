"""The Ray Tune experiment of a sweep: our searcher, a scheduler, thin clients of the board."""

from __future__ import annotations

from collections.abc import Callable

from ray import tune

from sweeps.base.interruption import Interruption
from sweeps.books.recorder import Recorder
from sweeps.cluster.ray_session import ON_HEAD
from sweeps.home.home import SweepFolder
from sweeps.planning.edits import Edits
from sweeps.run.driver.forgetting import Forgetting
from sweeps.run.driver.requests import RequestTaker
from sweeps.search.admission import Admits
from sweeps.search.branching import plans
from sweeps.search.schedulers import make_scheduler, replay
from sweeps.search.searcher import OptunaSearcher
from sweeps.search.study import StudyBook
from sweeps.spec.spec import SweepSpec
from trainables.board.board_client import BoardClient
from trainables.slots.trial import SlotTrial
from trainables.training.inputs import Inputs

_CLIENT_DEATHS = 3
"""Maximum number of deaths of one trial's thin client."""


def make_tuner(
    spec: SweepSpec,
    folder: SweepFolder,
    study: StudyBook,
    recorder: Recorder,
    board: BoardClient,
    at_once: int,
    interruption: Interruption,
    has_room: Callable[[], bool],
    on_finished: Callable[[], object],
    requests: RequestTaker,
    admits: Admits,
    edits: Edits,
    inputs: Inputs | None,
) -> tune.Tuner:
    """The search, `at_once` trials at a time, ready to `fit`; resumed ones know past trials."""
    store = folder.store
    scheduler = make_scheduler(spec.search, spec.trial.budget.evaluations)
    replay(scheduler, store.trials(), spec.search)
    forks = (folder.forks, plans(spec, inputs)) if spec.search.forks > 1 and inputs else None
    searcher = OptunaSearcher(
        spec, study, store.trial_folder, recorder, has_room, on_finished, admits, edits, forks
    )
    client = tune.with_parameters(SlotTrial, board=board)
    return tune.Tuner(
        tune.with_resources(client, tune.PlacementGroupFactory([ON_HEAD])),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=-1,
            max_concurrent_trials=at_once,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(folder.ray),
            verbose=0,
            callbacks=[recorder, requests, Forgetting()],
            stop=interruption,
            failure_config=tune.FailureConfig(max_failures=_CLIENT_DEATHS),
            # By default Tune saves each client's state, which has none, in a folder of its own.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )
