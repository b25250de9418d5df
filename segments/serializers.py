"""Segments and conditions as the REST API reads and writes them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from segments.conditions import Condition, ConditionError, parse
from segments.forms import RESERVED
from segments.models import MOMENTS, Segment, SegmentMembership
from segments.nesting import problem_with
from segments.wording import sentence_of

MOST_ROWS = 1000


def checked(document: object) -> Condition:
    """Return the parts of a condition. Raises ValidationError, keyed by the place: `condition.all[1].event`."""
    try:
        return parse(document)
    except ConditionError as error:
        place = f"condition.{error.path}" if error.path else "condition"
        raise serializers.ValidationError({place: [error.reason]}) from error


def refuse_problem(segment: Segment) -> None:
    """Refuse a segment whose references lead nowhere or in a circle. Raises ValidationError."""
    if problem := problem_with(segment):
        raise serializers.ValidationError({"condition": [problem]})


@extend_schema_field(str)
class SegmentField(serializers.Field[Segment, str, str, Any]):
    """Another segment, by its key."""

    def to_internal_value(self, data: str) -> Segment:
        """Return the segment that has this key and is not archived."""
        key = serializers.CharField().run_validation(data)
        found = Segment.objects.active().filter(key=key).first()
        if found is None:
            raise serializers.ValidationError("There is no segment with this key.")
        return found

    def to_representation(self, value: Segment) -> str:
        """Return the segment's key."""
        return value.key


@extend_schema_field({"type": "object", "description": "See `/api/v1/conditions/schema.json`."})
class ConditionField(serializers.JSONField):
    """A condition; what it says is checked as a whole by the serializer that has it."""


class PageSerializer(serializers.Serializer[Any]):
    """Which rows of a list are asked for."""

    cursor = serializers.RegexField(
        r"^before:[0-9]{1,18}$", required=False, help_text="The `next_cursor` of the answer before this one."
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=MOST_ROWS, default=100, help_text="How many rows an answer has at most."
    )


class SegmentListQuery(PageSerializer):
    """Which segments are asked for."""

    archived = serializers.BooleanField(default=False, help_text="Those that were put away, not the others.")


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    """A segment: its definition can be written, its figures only be read."""

    key = serializers.SlugField(max_length=100, required=False, help_text="Made of the name where left out.")
    part_of = SegmentField(
        source="parent", required=False, allow_null=True, help_text="Members are members of that one too."
    )
    condition = ConditionField()
    sentence = serializers.SerializerMethodField()

    class Meta:
        model = Segment
        fields = [
            "key",
            "name",
            "description",
            "kind",
            "condition",
            "sentence",
            "part_of",
            "is_core",
            "as_of",
            "member_count",
            "refreshed_at",
            "created_at",
            "updated_at",
            "archived_at",
        ]
        read_only_fields = ["kind", "member_count", "refreshed_at", "archived_at"]

    def get_sentence(self, segment: Segment) -> str:
        """Who is in it, in words."""
        return sentence_of(segment)

    def validate_key(self, key: str) -> str:
        """A key is by which others name the segment: it is free when it is chosen, and stays."""
        if self.instance is not None:
            if key != self.instance.key:
                raise serializers.ValidationError("The key of a segment stays what it is.")
        elif key in RESERVED or Segment.objects.filter(key=key).exists():
            raise serializers.ValidationError("This key is taken.")
        return key

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the condition; a list has none."""
        if "condition" in attrs:
            if self.instance is not None and self.instance.is_static:
                raise serializers.ValidationError({"condition": ["A fixed list has no condition."]})
            checked(attrs["condition"])
        return attrs


class SegmentPageSerializer(serializers.Serializer[Any]):
    """Some segments, newest first."""

    results = SegmentSerializer(many=True)
    next_cursor = serializers.CharField(help_text="Empty where the list ends.")


class MemberSerializer(serializers.ModelSerializer[SegmentMembership]):
    """A customer by the id that other systems see, and since when they are in the segment."""

    id = serializers.UUIDField(source="customer.public_id")

    class Meta:
        model = SegmentMembership
        fields = ["id", "entered_at"]


class MemberPageSerializer(serializers.Serializer[Any]):
    """Some members, those first who became customers last."""

    results = MemberSerializer(many=True)
    next_cursor = serializers.CharField(help_text="Empty where the list ends.")


class ConditionSerializer(serializers.Serializer[Any]):
    """A condition that is not stored."""

    condition = ConditionField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the condition, and that what it names is there."""
        attrs["parsed"] = checked(attrs["condition"])
        refuse_problem(Segment(name="This", condition=attrs["condition"]))
        return attrs


class CountQuery(ConditionSerializer):
    """Who is to be counted: by a condition, among the members of `part_of`, as of a moment."""

    part_of = SegmentField(source="parent", required=False, allow_null=True)
    as_of = serializers.DateTimeField(
        required=False,
        allow_null=True,
        validators=MOMENTS,
        help_text="What “now” is; the present by default.",
    )


class SentenceSerializer(serializers.Serializer[Any]):
    """A condition in words."""

    sentence = serializers.CharField()


class AudienceSerializer(serializers.Serializer[Any]):
    """How many fit. Where `is_exact` is false, the numbers are estimates from `sampled` customers drawn at random.

    So that no count tells of one person, `fitting`, `low` and `high` are null where fewer than `fewer_than` fit, or
    nobody, and `consenting` is null where it is smaller than that.
    """

    sentence = serializers.CharField()
    as_of = serializers.DateTimeField()
    is_exact = serializers.BooleanField()
    fewer_than = serializers.IntegerField(
        help_text="Smaller numbers are null: 5, or what 5 of a sample stand for."
    )
    fitting = serializers.IntegerField(allow_null=True)
    low = serializers.IntegerField(
        allow_null=True, help_text="Of the 95 % interval of `fitting`; equal to it where exact."
    )
    high = serializers.IntegerField(allow_null=True)
    customers = serializers.IntegerField(help_text="All known customers.")
    consenting = serializers.IntegerField(allow_null=True, help_text="Those who fit and may be mailed.")
    sampled = serializers.IntegerField(help_text="0 where everybody was judged.")
