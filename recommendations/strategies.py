"""What a shelf can be filled by: each strategy is a ladder of sources, and the next one fills what is left open."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """Where a product on a shelf comes from."""

    ELSEWHERE = "elsewhere"
    MODEL = "model"
    HISTORY = "history"
    VIEWED = "viewed"
    WITH_BOUGHT = "with_bought"
    WITH_VIEWED = "with_viewed"
    DEARER = "dearer"
    NEW_IN_CATEGORY = "new_in_category"
    IN_CATEGORY = "popular_in_category"
    TRENDING = "trending"
    COUNTRY = "popular_in_country"
    EVERYWHERE = "popular"
    CATALOGUE = "catalogue"


# What a customer or a marketer reads; {about} is the product or category that led here, {country} the customer's.
REASONS = {
    Source.ELSEWHERE: "Picked for this customer",
    Source.MODEL: "Picked for this customer",
    Source.HISTORY: "Bought before",
    Source.VIEWED: "Looked at lately",
    Source.WITH_BOUGHT: "Goes with {about}, bought lately",
    Source.WITH_VIEWED: "Goes with {about}, looked at lately",
    Source.DEARER: "A step up from {about}",
    Source.NEW_IN_CATEGORY: "New in {about}",
    Source.IN_CATEGORY: "Bestseller in {about}",
    Source.TRENDING: "Sells better than usual this week",
    Source.COUNTRY: "Bestseller in {country}",
    Source.EVERYWHERE: "Bestseller",
    Source.CATALOGUE: "New in the shop",
}
# What the inspector says that a source tries.
TRIED = {
    Source.ELSEWHERE: "the ranking of a model elsewhere, where one answered for this customer",
    Source.MODEL: "the model's ranking for this customer",
    Source.HISTORY: "what was bought before",
    Source.VIEWED: "what was looked at or put into the cart in the last 30 days",
    Source.WITH_BOUGHT: "what buyers of the latest purchases bought as well",
    Source.WITH_VIEWED: "what others looked at who looked at the same",
    Source.DEARER: "dearer products of the same category",
    Source.NEW_IN_CATEGORY: "the newest of the categories bought or looked at last",
    Source.IN_CATEGORY: "the bestsellers of the categories bought or looked at last",
    Source.TRENDING: "what sells better than usual this week",
    Source.COUNTRY: "the bestsellers of the customer's country",
    Source.EVERYWHERE: "the bestsellers of all countries",
    Source.CATALOGUE: "the newest products of the shop",
}
NOTHING = "nothing"
"""The source of an empty shelf."""

_MODELS = (Source.ELSEWHERE, Source.MODEL)
_BESTSELLERS = (Source.COUNTRY, Source.EVERYWHERE, Source.CATALOGUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A way to fill a shelf: its ladder from the first choice to the last resort, and what it leaves out.

    `only_new` leaves out what the customer bought before; `only_unseen` also what they looked at lately.
    """

    label: str
    says: str
    ladder: tuple[Source, ...]
    only_new: bool = False
    only_unseen: bool = False

    @property
    def is_personal(self) -> bool:
        """Whether anything about the customer but the country decides."""
        return not set(self.ladder) <= {*_BESTSELLERS, Source.TRENDING}


FOR_YOU, DISCOVER, AGAIN, BESTSELLERS = "for_you", "discover", "again", "bestsellers"
STRATEGIES = {
    FOR_YOU: Strategy(
        label="For you",
        says="What the recommender in use ranks first for this customer.",
        ladder=(*_MODELS, *_BESTSELLERS),
    ),
    DISCOVER: Strategy(
        label="Discover",
        says="The same without anything bought before.",
        ladder=(*_MODELS, *_BESTSELLERS),
        only_new=True,
    ),
    AGAIN: Strategy(
        label="Buy again",
        says="Only what was bought before, the latest first. Nothing fills it up.",
        ladder=(Source.HISTORY,),
    ),
    "goes_with_bought": Strategy(
        label="Goes with what you bought",
        says="What the buyers of the latest purchases bought as well.",
        ladder=(Source.WITH_BOUGHT, *_MODELS, *_BESTSELLERS),
        only_new=True,
    ),
    "goes_with_viewed": Strategy(
        label="Goes with what you viewed",
        says="What others looked at who looked at the same.",
        ladder=(Source.WITH_VIEWED, *_MODELS, *_BESTSELLERS),
        only_new=True,
        only_unseen=True,
    ),
    "recently_viewed": Strategy(
        label="Recently viewed",
        says="Only what was looked at or put into the cart in the last 30 days and not bought since, the latest first.",
        ladder=(Source.VIEWED,),
    ),
    "trending": Strategy(
        label="Trending",
        says="What is bought, put into carts and looked at more this week than in the four weeks before.",
        ladder=(Source.TRENDING, *_BESTSELLERS),
    ),
    "new_in_category": Strategy(
        label="New in your category",
        says="The newest products of the categories that the customer bought or looked at last.",
        ladder=(Source.NEW_IN_CATEGORY, Source.CATALOGUE),
        only_new=True,
    ),
    "popular_in_category": Strategy(
        label="Bestsellers in your category",
        says="What sells best in the categories that the customer bought or looked at last.",
        ladder=(Source.IN_CATEGORY, *_BESTSELLERS),
        only_new=True,
    ),
    "upsell": Strategy(
        label="A step up",
        says="The same kind as what was looked at or bought last, 10 % to 150 % dearer.",
        ladder=(Source.DEARER, *_MODELS, *_BESTSELLERS),
        only_new=True,
    ),
    BESTSELLERS: Strategy(
        label="Bestsellers",
        says="The same for everybody in a country.",
        ladder=_BESTSELLERS,
    ),
}


LABELS = [(name, strategy.label) for name, strategy in STRATEGIES.items()]
"""The strategies as choices of a form."""
IMPERSONAL = [(name, strategy.label) for name, strategy in STRATEGIES.items() if not strategy.is_personal]
"""Those that a baseline arm may have."""


def strategy_called(name: str) -> Strategy:
    """Return a strategy; raise ValueError, naming those there are, for an unknown name."""
    try:
        return STRATEGIES[name]
    except KeyError:
        raise ValueError(
            f"There is no strategy called {name!r}; there are {', '.join(STRATEGIES)}."
        ) from None
