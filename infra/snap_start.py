"""Where Lambda can start a function of Python from a snapshot.

Lambda's developer guide (snapstart.html, "Supported Regions") names every commercial region but New Zealand
(ap-southeast-6) and Taipei (ap-east-2), whichever processor; the guide for the regions in China (docs.amazonaws.cn,
"Amazon Lambda", "Feature Availability") says that Python has it in neither. Both as read on 2026-11-28.
"""

from __future__ import annotations

_NUMBERS = {
    "af-south": "1",
    "ap-east": "1",
    "ap-northeast": "123",
    "ap-south": "12",
    "ap-southeast": "123457",
    "ca-central": "1",
    "ca-west": "1",
    "eu-central": "12",
    "eu-north": "1",
    "eu-south": "12",
    "eu-west": "123",
    "il-central": "1",
    "me-central": "1",
    "me-south": "1",
    "mx-central": "1",
    "sa-east": "1",
    "us-east": "12",
    "us-west": "12",
}
REGIONS = frozenset(f"{area}-{number}" for area, numbers in _NUMBERS.items() for number in numbers)
"""The regions that have it. One that is missing here may have it, and a stage there does without."""
