"""An export sent to the Hugging Face hub."""

from __future__ import annotations

from sweeps.base.errors import SweepError
from sweeps.export.export import Done
from trainables.core.data_error import said
from trainables.core.progress import NO_PROGRESS, Progress


def refuse_push(repository: str) -> None:
    """SweepError if the name is none, or nobody is logged in: before any work is done."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise SweepError(f"--push: {repository!r} is no name on the hub: {said(error)}") from error
    if "/" not in repository:
        raise SweepError(f"--push: {repository!r} names no owner; use OWNER/NAME")
    if get_token() is None:
        raise SweepError(
            "--push: no token for the hub; log in with `hf auth login`, or set HF_TOKEN"
        )


def push(done: Done, repository: str, progress: Progress = NO_PROGRESS) -> str:
    """Upload the export as one commit; returns its address. A new repository is private.

    SweepError if the hub refuses or does not answer; the export stays in its folder.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    model, api = done.model, HfApi()
    try:
        with progress.phase(f"uploading to {repository}"):
            api.create_repo(repository, private=True, exist_ok=True)
            commit = api.upload_folder(
                repo_id=repository, folder_path=done.folder, commit_message=model.title
            )
    except (HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
        raise SweepError(
            f"--push: the hub did not take the export ({said(error)}); it is in {done.folder}: "
            f"`hf upload {repository} {done.folder}` tries again"
        ) from error
    return str(commit.commit_url)
