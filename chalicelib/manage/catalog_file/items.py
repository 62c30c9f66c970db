"""Rows of a catalogue file <-> the items of the table.

A row determines its item's key. A file says each fact once; this makes the copies (of policies in a course, of teachers
and names in a page).
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import datetime

from chalicelib.shop import catalog, coupon
from chalicelib.shop.coupon import CouponOffer
from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.price_policy import PricePolicy
from chalicelib.storage.dynamodb import CatalogItem

from . import rows
from .rows import Catalogue, Course, Offer

# Rows -> items


class Maker:
    """Makes the items of one catalogue's rows. `source` names the tool that writes them, where that matters.

    A dangling reference makes no copy.
    """

    def __init__(self, catalogue: Catalogue, now: datetime, source: str | None = None) -> None:
        self._catalogue = catalogue
        self._now = now
        self._source = source
        self._teachers = {row.id: row for row in catalogue.teachers}
        self._names = {row.id: row.name for row in catalogue.courses if row.course_type == COURSE}

    def all(self) -> list[CatalogItem]:
        """The items of the whole catalogue."""
        made: list[CatalogItem] = [self.category(row) for row in self._catalogue.categories]
        made += [self.teacher(row) for row in self._catalogue.teachers]
        for row in self._catalogue.courses:
            made += self.course(row)
        return [*made, *(self.offer(row) for row in self._catalogue.coupons)]

    def category(self, row: rows.Category) -> catalog.Category:
        """A category's item."""
        return catalog.category_item(row.id, row.name, self._source)

    def teacher(self, row: rows.Teacher) -> catalog.Teacher:
        """A teacher's item."""
        return catalog.teacher_item(
            row.id,
            name=row.name,
            role=row.role,
            title=row.title,
            signature=row.signature,
            image=row.image,
            brief=row.brief,
            source=self._source,
        )

    def course(self, row: Course) -> list[CatalogItem]:
        """All items of a course: itself, its policies and page first, then its contents."""
        key, detail_id = row.key, row.detail.id if row.detail else None
        policies = [
            catalog.policy_item(key, policy.id, policy.valid_period, policy.price, detail_id, self._source)
            for policy in row.policies
        ]
        detail = self._detail(key, row.detail) if row.detail else None
        course = catalog.course_item(
            key,
            policies,
            detail,
            name=row.name,
            course_img=row.course_img,
            brief=row.brief,
            level=row.level,
            status=row.status,
            order=row.order,
            period=row.period,
            pub_date=row.pub_date,
            category_id=row.category_id,
            featured=row.featured or None,
            source=self._source,
        )
        return [course, *policies, *([detail] if detail else []), *self._contents(key, row, detail_id)]

    def _detail(self, key: CourseKey, row: rows.Detail) -> catalog.CourseDetail:
        taught = [self._teachers[teacher_id] for teacher_id in row.teachers if teacher_id in self._teachers]
        return catalog.detail_item(
            key,
            row.id,
            hours=row.hours,
            course_slogan=row.course_slogan,
            video_brief_link=row.video_brief_link,
            why_study=row.why_study,
            what_to_study_brief=row.what_to_study_brief,
            career_improvement=row.career_improvement,
            prerequisite=row.prerequisite,
            teachers=[
                catalog.TeacherCopy(  # type: ignore[no-untyped-call]
                    teacher_id=teacher.id,
                    name=teacher.name,
                    title=teacher.title,
                    signature=teacher.signature,
                    image=teacher.image,
                    brief=teacher.brief,
                )
                for teacher in taught
            ],
            recommended=[
                catalog.RecommendedCourse(course_id=other, course_name=self._names[other])  # type: ignore[no-untyped-call]
                for other in row.recommended
                if other in self._names
            ],
            source=self._source,
        )

    def _contents(self, key: CourseKey, row: Course, detail_id: int | None) -> Iterable[CatalogItem]:
        for chapter in row.chapters:
            yield catalog.chapter_item(
                key,
                chapter.id,
                chapter.chapter,
                name=chapter.name,
                summary=chapter.summary,
                pub_date=chapter.pub_date,
                detail_id=detail_id,
                source=self._source,
            )
            for section in chapter.sections:
                yield catalog.section_item(
                    key,
                    section.id,
                    chapter.chapter,
                    section.order,
                    name=section.name,
                    section_type=section.section_type,
                    player=section.player,
                    section_link=section.section_link,
                    video_time=section.video_time,
                    free_trial=section.free_trial,
                    online=None if section.online else False,
                    pub_date=section.pub_date,
                    assignment=_assignment_item(section.assignment),
                    detail_id=detail_id,
                    source=self._source,
                )
        for faq in row.faqs:
            yield catalog.faq_item(
                key,
                faq.id,
                question=faq.question,
                answer=faq.answer,
                detail_id=detail_id,
                source=self._source,
            )

    def offer(self, row: Offer) -> CouponOffer:
        """A coupon's item as of a new coupon, with nothing claimed."""
        return coupon.offer_item(
            row.id,
            name=row.name,
            brief=row.brief,
            coupon_type=row.coupon_type,
            value=row.value,
            off_percent=row.off_percent,
            minimum=row.minimum,
            bound_to=row.bound_to,
            quantity=row.quantity,
            open_at=row.claim_from,
            close_at=row.claim_until,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            valid_days=row.valid_days,
            status=row.status,
            created_at=self._now,
            source=self._source,
        )


# Items -> rows


def catalogue_of(items: Iterable[CatalogItem]) -> Catalogue:
    """The rows of all stored items, without contents that have no course and dangling references."""
    stored = list(items)
    teachers = {item.teacher_id for item in catalog.of_model(stored, catalog.Teacher)}
    recommendable = {
        item.course_id for item in catalog.of_model(stored, catalog.Course) if item.course_type == COURSE
    }
    courses: dict[str, list[CatalogItem]] = {}
    for item in stored:
        courses.setdefault(item.course_key, []).append(item)
    return Catalogue(
        categories=tuple(
            rows.Category(id=item.category_id, name=item.name)
            for item in catalog.of_model(stored, catalog.Category)
        ),
        teachers=tuple(
            rows.Teacher(
                id=item.teacher_id,
                name=item.name,
                role=item.role,
                title=item.title,
                signature=item.signature,
                image=item.image,
                brief=item.brief,
            )
            for item in catalog.of_model(stored, catalog.Teacher)
        ),
        courses=tuple(
            _course(item, courses[item.course_key], teachers, recommendable)
            for item in catalog.of_model(stored, catalog.Course)
        ),
        coupons=tuple(_offer(item) for item in catalog.of_model(stored, CouponOffer)),
    ).in_order()


def _course(
    course: catalog.Course, items: list[CatalogItem], teachers: Container[int], recommendable: Container[int]
) -> Course:
    details = catalog.of_model(items, catalog.CourseDetail)
    sections: dict[int, list[rows.Section]] = {}
    for item in catalog.of_model(items, catalog.Section):
        sections.setdefault(item.chapter, []).append(_section(item))
    return Course(
        course_type=course.course_type,
        id=course.course_id,
        name=course.name,
        category_id=course.category_id,
        featured=bool(course.featured),
        level=course.level,
        status=course.status,
        order=course.order,
        period=course.period,
        pub_date=course.pub_date,
        course_img=course.course_img,
        brief=course.brief,
        policies=tuple(
            rows.Policy(id=item.policy_id, valid_period=item.valid_period, price=item.price)
            for item in catalog.of_model(items, PricePolicy)
        ),
        detail=_detail(details[0], teachers, recommendable) if details else None,
        chapters=tuple(
            rows.Chapter(
                id=item.chapter_id,
                chapter=item.chapter,
                name=item.name,
                summary=item.summary,
                pub_date=item.pub_date,
                sections=tuple(sections.get(item.chapter, ())),
            )
            for item in catalog.of_model(items, catalog.Chapter)
        ),
        faqs=tuple(
            rows.Question(id=item.faq_id, question=item.question, answer=item.answer)
            for item in catalog.of_model(items, catalog.Faq)
        ),
    )


def _detail(
    item: catalog.CourseDetail, teachers: Container[int], recommendable: Container[int]
) -> rows.Detail:
    return rows.Detail(
        id=item.detail_id,
        hours=item.hours,
        course_slogan=item.course_slogan,
        video_brief_link=item.video_brief_link,
        why_study=item.why_study,
        what_to_study_brief=item.what_to_study_brief,
        career_improvement=item.career_improvement,
        prerequisite=item.prerequisite,
        teachers=tuple(copy.teacher_id for copy in item.teachers if copy.teacher_id in teachers),
        recommended=tuple(copy.course_id for copy in item.recommended if copy.course_id in recommendable),
    )


def _section(item: catalog.Section) -> rows.Section:
    return rows.Section(
        id=item.section_id,
        order=item.order,
        name=item.name,
        section_type=item.section_type,
        player=item.player,
        section_link=item.section_link,
        video_time=item.video_time,
        free_trial=item.free_trial,
        online=item.is_online(),
        pub_date=item.pub_date,
        assignment=_assignment(item.assignment),
    )


def _assignment_item(row: rows.Assignment | None) -> catalog.Assignment | None:
    return catalog.Assignment(task=row.task, until=row.until) if row else None  # type: ignore[no-untyped-call]


def _assignment(item: catalog.Assignment | None) -> rows.Assignment | None:
    return rows.Assignment(task=item.task, until=item.until) if item else None


def _offer(item: CouponOffer) -> Offer:
    return Offer(
        id=item.coupon_id,
        name=item.name,
        brief=item.brief or "",
        coupon_type=item.coupon_type,
        value=item.value or 0,
        off_percent=item.off_percent,
        minimum=item.minimum or 0,
        bound_to=item.bound_to,
        quantity=item.quantity,
        claim_from=item.open_at,
        claim_until=item.close_at,
        valid_from=item.valid_from,
        valid_until=item.valid_until,
        valid_days=item.valid_days,
        status=item.status,
    )
