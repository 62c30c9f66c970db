"""Studying -> the documented JSON, one plain function per object."""

from __future__ import annotations

from chalicelib.flows.my_study import StudiedCourse, Study
from chalicelib.flows.play_section import Playing
from chalicelib.flows.report_study import REPORT_SECONDS, Reported
from chalicelib.web.responses import Json, success


def playing(shown: Playing) -> Json:
    """`POST /course/{course_id}/sections/{section_id}/play`. The player asks anew at half of its token's time."""
    video = shown.video
    return success(
        {
            "kind": "link" if video is None else "polyv",
            "link": shown.link,
            "vid": video.video_id if video else None,
            "token": video.token if video else None,
            "ts": video.ts if video else None,
            "sign": video.sign if video else None,
            "code": video.code if video else None,
            "player_url": video.player_url if video else None,
            "ticket": shown.ticket,
            "renew_after": max(1, video.seconds // 2) if video else None,
            "resume_at": shown.resume_at,
            "seconds": shown.section.seconds,
        }
    )


def reported(counted: Reported) -> Json:
    """`POST /study/report`."""
    return success(
        {
            "counted_seconds": counted.counted_seconds,
            "share": counted.share,
            "done": counted.is_done,
            "next_report": REPORT_SECONDS,
        }
    )


def progress(course: StudiedCourse) -> Json:
    """`GET /course/{course_id}/progress`."""
    return success(
        {
            "share": course.share,
            "done": course.is_done,
            "last_section_id": course.last_section_id,
            "sections": [
                {
                    "section_id": one.section.section_id,
                    "share": one.share,
                    "done": one.is_done,
                    "resume_at": one.resume_at,
                }
                for one in course.sections
            ],
        }
    )


def study(shown: Study) -> Json:
    """`GET /study`."""
    return success(
        {
            "total_minutes": shown.seconds // 60,
            "study_days": shown.days,
            "days": [{"date": f"{day}", "minutes": seconds // 60} for day, seconds in shown.last_days],
            "courses": [
                {
                    "course_id": one.course_id,
                    "course_type": one.course_type,
                    "course_name": one.course_name,
                    "share": one.share,
                    "last_section_id": one.last_section_id,
                    "last_section_name": one.last_section_name,
                }
                for one in shown.courses
            ],
        }
    )
