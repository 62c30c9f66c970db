"""What the video platform tells of a video, as flows that can be cut off at every call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from chalicelib.settings import settings
from chalicelib.shop import catalog
from localstack.polyv import PolyvSimulator
from tests import builders
from tests.addresses import ClientAt
from tests.proof.writing_flows import Flow


class HearOfVideo(Flow):
    """A format is transcoded; the platform tells it again."""

    covers: ClassVar[tuple[str, ...]] = ("GET /video/polyv",)
    kind = "encode"

    def begin(self) -> None:
        account = settings().polyv
        assert account
        course = builders.a_course()
        self.video_id = str(builders.a_video_section(course.key).video_id)
        builders.a_video_section(builders.a_course().key, self.video_id)
        console = PolyvSimulator(user_id=account.user_id, secret_key=account.secret_key)
        self.query, self.body = console.callback(self.video_id, self.kind)
        self.platform = ClientAt()

    def act(self) -> object:
        return self.platform.get(f"/video/polyv?{self.query}")

    def assert_end(self) -> None:
        known = {
            (section.video_state, section.video_seconds)
            for section in catalog.find_sections_of(self.video_id)
        }
        assert known == {(catalog.VIDEO_READY, 59)}


class HearOfVideos(HearOfVideo):
    """All formats are."""

    covers = ("POST /video/polyv",)
    kind = "TranscodeComplete"

    def act(self) -> object:
        return self.platform.post(f"/video/polyv?{self.query}", json.loads(self.body))


VIDEO_FLOWS: Sequence[type[Flow]] = (HearOfVideo, HearOfVideos)
