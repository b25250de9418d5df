"""Segments and conditions for other programs: what a data team reads, writes, counts and checks."""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit import record
from accounts.models import ApiKey
from common.clock import now
from common.pagination import cursor_page
from common.strict_json import StrictJSONParser
from segments import membership, serializers, upkeep
from segments.conditions import Condition, ConditionError, describe, needs, schema
from segments.conditions.needs import Needs
from segments.counting import Audience, count_audience
from segments.forms import free_key
from segments.models import Segment
from segments.nesting import CycleError


class Conflict(APIException):
    """What is asked for does not go with how things are."""

    status_code = 409


class TooLong(APIException):
    """The database needs longer than anybody should wait for."""

    status_code = 503
    default_detail = "Counting takes too long. Store the segment: refreshing it counts exactly."


class SegmentsView(APIView):
    """What all views of segments share: looking needs one scope, changing the other."""

    parser_classes = [StrictJSONParser]

    @property
    def required_scope(self) -> ApiKey.Scope:
        """The scope that the request needs."""
        return ApiKey.Scope.SEGMENTS_READ if self._only_reads else ApiKey.Scope.SEGMENTS_WRITE

    @property
    def throttle_scope(self) -> str:
        """Under which rate the request counts."""
        return "reads" if self._only_reads else "work"

    @property
    def _only_reads(self) -> bool:
        return self.request.method in SAFE_METHODS


class SegmentListView(SegmentsView):
    """`/api/v1/segments`."""

    @extend_schema(
        parameters=[serializers.SegmentListQuery],
        responses=serializers.SegmentPageSerializer,
        operation_id="segments_list",
    )
    def get(self, request: Request) -> Response:
        """Segments of all kinds, newest first."""
        asked = _asked(request, serializers.SegmentListQuery)
        found = Segment.objects.filter(archived_at__isnull=not asked["archived"]).select_related("parent")
        page = cursor_page(found, cursor=asked.get("cursor", ""), size=asked["limit"])
        answer = {"results": page.rows, "next_cursor": page.next_cursor}
        return Response(serializers.SegmentPageSerializer(answer).data)

    @extend_schema(request=serializers.SegmentSerializer, responses={201: serializers.SegmentSerializer})
    def post(self, request: Request) -> Response:
        """Store a segment that a condition keeps, and judge everybody for it."""
        with transaction.atomic():
            membership.hold()
            values = _valid(serializers.SegmentSerializer(data=request.data))
            key = values.pop("key", None) or free_key(values["name"])
            segment = _stored(Segment(key=key, **values))
            _note(request, "created a segment", segment)
        return Response(serializers.SegmentSerializer(segment).data, status=201)


class SegmentDetailView(SegmentsView):
    """`/api/v1/segments/{key}`."""

    @extend_schema(responses=serializers.SegmentSerializer)
    def get(self, request: Request, key: str) -> Response:
        """One segment."""
        return Response(serializers.SegmentSerializer(_segment(key)).data)

    @extend_schema(request=serializers.SegmentSerializer, responses=serializers.SegmentSerializer)
    def patch(self, request: Request, key: str) -> Response:
        """Change what is given of a segment, and judge everybody for it anew.

        One that is archived is not changed: the answer is 409, and says that it must be restored first.
        """
        with transaction.atomic():
            segment = _held(key)
            if segment.archived_at is not None:
                raise Conflict(f"“{segment.name}” is archived: restore it first, then change it.")
            given = serializers.SegmentSerializer(segment, data=request.data, partial=True)
            for name, value in _valid(given).items():
                setattr(segment, name, value)
            _stored(segment)
            _note(request, "changed a segment", segment)
        return Response(serializers.SegmentSerializer(segment).data)


class SegmentArchiveView(SegmentsView):
    """`/api/v1/segments/{key}/archive`."""

    @extend_schema(request=None, responses=serializers.SegmentSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Put a segment away that nothing uses; one that is put away stays so."""
        with transaction.atomic():
            segment = _held(key)
            if segment.archived_at is None:
                try:
                    upkeep.archive(segment)
                except upkeep.InUse as error:
                    raise Conflict(str(error)) from error
                _note(request, "archived a segment", segment)
        return Response(serializers.SegmentSerializer(segment).data)


class SegmentRestoreView(SegmentsView):
    """`/api/v1/segments/{key}/restore`."""

    @extend_schema(request=None, responses=serializers.SegmentSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Take a segment out of the archive, and judge everybody for it anew."""
        with transaction.atomic():
            segment = _held(key)
            if segment.archived_at is not None:
                try:
                    upkeep.restore(segment)
                except ValueError as error:
                    raise Conflict(str(error)) from error
                _note(request, "restored a segment", segment)
        return Response(serializers.SegmentSerializer(segment).data)


class SegmentMembersView(SegmentsView):
    """`/api/v1/segments/{key}/members`."""

    @extend_schema(parameters=[serializers.PageSerializer], responses=serializers.MemberPageSerializer)
    def get(self, request: Request, key: str) -> Response:
        """Who is in a segment as it was last refreshed, and since when; each look is noted in the audit trail."""
        segment = _segment(key)
        asked = _asked(request, serializers.PageSerializer)
        page = _members(segment, cursor=asked.get("cursor", ""), limit=asked["limit"])
        _note(request, "looked at who is in a segment", segment)
        return Response(serializers.MemberPageSerializer(page).data)


class QuestionView(SegmentsView):
    """A question that is too long for an address: it is posted, and changes nothing."""

    required_scope = ApiKey.Scope.SEGMENTS_READ
    throttle_scope = "work"


class SegmentCountView(QuestionView):
    """`/api/v1/segments/count`."""

    @extend_schema(request=serializers.CountQuery, responses=serializers.AudienceSerializer)
    def post(self, request: Request) -> Response:
        """Count who fits a condition, without storing it: exactly on small data, by a stated sample on big.

        Numbers below `fewer_than` are null. Each count is noted in the audit trail, with what the condition asks about.
        """
        asked = _valid(serializers.CountQuery(data=request.data))
        at = asked.get("as_of") or now()
        draft = Segment(parent=asked.get("parent"))
        condition = membership.within_parent(draft, asked["parsed"])
        record(
            None, "counted who fits a condition", detail=f"API key {request.auth}: {_asked_about(condition)}"
        )
        found = count_audience(condition, now=at)
        if found is None:
            raise TooLong
        sentence = describe(asked["parsed"], currency=settings.REPORTING_CURRENCY)
        answer = {"sentence": sentence, "as_of": at, **_told(found)}
        return Response(serializers.AudienceSerializer(answer).data)


class ConditionCheckView(QuestionView):
    """`/api/v1/conditions/check`."""

    @extend_schema(request=serializers.ConditionSerializer, responses=serializers.SentenceSerializer)
    def post(self, request: Request) -> Response:
        """Say a condition in words, or what is wrong with it and where."""
        asked = _valid(serializers.ConditionSerializer(data=request.data))
        return Response({"sentence": describe(asked["parsed"], currency=settings.REPORTING_CURRENCY)})


@login_not_required
@require_safe
def condition_schema(request: HttpRequest) -> JsonResponse:
    """Answer with the JSON Schema of conditions; it says nothing about anybody, so no key is asked for."""
    response = JsonResponse(schema.condition_schema(), json_dumps_params={"indent": 2})
    response["Content-Type"] = "application/schema+json"
    return response


def _segment(key: str) -> Segment:
    return get_object_or_404(Segment.objects.select_related("parent"), key=key)


def _held(key: str) -> Segment:
    """The segment as it is stored, archived or not, until the transaction ends nobody else's to change."""
    membership.hold()
    locked = Segment.objects.select_for_update(no_key=True, of=("self",)).select_related("parent")
    return get_object_or_404(locked, key=key)


def _valid(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return cast(dict[str, Any], serializer.validated_data)


def _asked(request: Request, query: type[serializers.PageSerializer]) -> dict[str, Any]:
    return _valid(query(data=request.query_params))


def _members(segment: Segment, *, cursor: str, limit: int) -> dict[str, Any]:
    """Some members by descending customer, along the index of the segment's members, and where to go on."""
    found = segment.memberships.select_related("customer").order_by("-customer_id")
    if cursor:
        found = found.filter(customer_id__lt=int(cursor.removeprefix("before:")))
    rows = list(found[: limit + 1])
    is_last = len(rows) <= limit
    return {
        "results": rows[:limit],
        "next_cursor": "" if is_last else f"before:{rows[limit - 1].customer_id}",
    }


def _told(found: Audience) -> dict[str, Any]:
    """The numbers of a count; small ones are left out, for a condition may ask about one person."""
    is_told = found.fitting >= found.told_from
    low, high = (found.low, found.high) if found.sampled else (found.fitting, found.fitting)
    return {
        "is_exact": not found.sampled,
        "fewer_than": found.told_from,
        "fitting": found.fitting if is_told else None,
        "low": low if is_told else None,
        "high": high if is_told else None,
        "customers": found.customers,
        "consenting": found.consenting if found.consenting >= found.told_from else None,
        "sampled": found.sampled,
    }


def _asked_about(condition: Condition) -> str:
    """The fields and the sorts of things that a condition reads, none of the values it compares them with."""
    wanted = needs(condition)
    sorts = {name for name in Needs.__slots__ if name != "fields" and getattr(wanted, name)}
    fields = {path.removeprefix("facts__") for path in wanted.fields}
    return ", ".join(sorted(fields | sorts)) or "everybody"


def _stored(segment: Segment) -> Segment:
    """Store and judge it; all segments are held. Raises ValidationError."""
    serializers.refuse_problem(segment)
    try:
        membership.store(segment)
    except IntegrityError as error:
        raise ValidationError({"key": ["This key is taken."]}) from error
    except (ConditionError, CycleError) as error:
        raise ValidationError({"condition": [str(error)]}) from error
    return segment


def _note(request: Request, action: str, segment: Segment) -> None:
    """A line of the audit trail: keys are no colleagues, so the key's name stands in the detail."""
    record(None, action, segment, detail=f"API key {request.auth}")
