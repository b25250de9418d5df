"""What the tables of recommenders hold about people (see `customers.policies`)."""

from customers.policies import OnErasure, Policy, not_personal

POLICIES = [
    Policy(
        model="recommendations.Recommendation",
        why="What a model thinks the person would like.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
        is_profile=True,
    ),
    Policy(
        model="recommendations.ExternalRecommendation",
        why="What a model elsewhere thinks the person would like.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
        is_profile=True,
    ),
    *not_personal(
        "recommendations.ModelVersion",
        "recommendations.PopularProducts",
        "recommendations.RelatedProducts",
        "recommendations.PredictionVersion",
        why="Figures over everybody.",
    ),
    *not_personal(
        "recommendations.ExternalModel",
        why="Where scores and recommendations come from; what they say of people is in tables of its own.",
    ),
]
