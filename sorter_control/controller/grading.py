"""From 'an item was announced' to a verdict or the reason why there is none, within a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from model.contract import ItemFacts
from regrade.client import BusyError, ClientError, UnreachableError
from sorter_control.controller.camera import Camera
from sorter_control.controller.commands import RequestGrade
from sorter_control.controller.observations import Graded, Identified, NotGraded, Observation
from sorter_control.controller.server import Server
from sorter_control.controller.values import Failure
from sorter_control.errors import CameraError
from sorter_control.routing import FailSafe


class Grading:
    """Runs one request after the other or side by side; reports through ``observe``.

    An item that has a verdict already, once its plate is read, is not graded again.
    """

    def __init__(
        self,
        camera: Camera,
        server: Server,
        facts: Mapping[str, ItemFacts],
        observe: Callable[[Observation], None],
        awaits_verdict: Callable[[int], bool],
    ) -> None:
        self._camera, self._server, self._facts = camera, server, facts
        self._observe = observe
        self._awaits_verdict = awaits_verdict

    async def run(self, request: RequestGrade) -> None:
        """Photograph, identify, grade; ends by the deadline in every case."""
        item_id: str | None = None
        try:
            async with asyncio.timeout(request.deadline_s) as deadline:
                capture = await self._camera.capture(request.tid)
                item_id = capture.item_id
                facts = self._identify(item_id)
                if isinstance(facts, Failure):
                    self._observe(NotGraded(request.tid, facts, item_id))
                    return
                self._observe(Identified(request.tid, facts.item_id, facts))
                if not self._awaits_verdict(request.tid):
                    return
                pictures = [await self._camera.picture(path) for path in capture.pictures]
                left_s = (deadline.when() or 0.0) - asyncio.get_running_loop().time()
            # Outside: the client keeps the deadline itself, and says what kept it from an answer.
            verdict = await self._server.grade(request.capture_id, facts, pictures, left_s)
            self._observe(Graded(request.tid, verdict))
        except TimeoutError:
            failure = Failure(
                FailSafe.NO_CAPTURE, "The camera had no capture of it before the deadline"
            )
            self._observe(NotGraded(request.tid, failure, item_id))
        except CameraError as error:
            self._observe(NotGraded(request.tid, Failure(FailSafe.NO_CAPTURE, str(error)), item_id))
        except UnreachableError:
            failure = Failure(FailSafe.NO_VERDICT, "The grading server could not be reached")
            self._observe(NotGraded(request.tid, failure, item_id))
        except BusyError as error:
            failure = Failure(FailSafe.NO_VERDICT, f"The grading server had no time: {error}")
            self._observe(NotGraded(request.tid, failure, item_id))
        except ClientError as error:
            failure = Failure(FailSafe.NO_VERDICT, f"The grading server refused: {error}")
            self._observe(NotGraded(request.tid, failure, item_id))

    def _identify(self, item_id: str | None) -> ItemFacts | Failure:
        if item_id is None:
            return Failure(FailSafe.NO_READ, "Its license plate could not be read")
        facts = self._facts.get(item_id)
        if facts is None:
            return Failure(FailSafe.NO_FACTS, f"The returns system knows nothing of {item_id}")
        return facts
