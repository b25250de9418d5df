"""What each number of the reports means, in words; docs/reports.md says the same with more room."""

from reports.models import ReportSettings

MAIL_WORTH = (
    "Incremental revenue",
    "What everybody mailed spent within the campaign's window, less what as many people spent who by chance were "
    "held out and got no mail. Everybody counts in the group that chance put them in. It is measured, not guessed: "
    "this is what mail brought. The 95 % interval says how far chance alone may have moved it.",
)
PERSONAL_WORTH = (
    "Worth of personalisation",
    "What everybody with personalised mail spent within the window, less what as many people spent who by chance got "
    "the same campaign without personalisation.",
)
PERIOD = ("Period", "Whole days in UTC, today among them. Campaigns count by the day of their launch.")
SENT = ("Sent", "Mails that the provider took.")
DELIVERED = ("Delivered", "Sent mails of which no bounce was reported.")
OPENED = (
    "Opened",
    "Mails of which a person fetched the pictures; what programs fetch is counted apart. Many people never fetch them.",
)
CLICKED = ("Clicked", "Mails in which a person followed a link, each once.")
BOUNCED = ("Bounced", "Mails that a server gave back.")
COMPLAINED = ("Complaints", "Mails that their reader marked as spam, as far as providers report it.")
UNSUBSCRIBED = ("Unsubscribed", "Mails through which somebody took consent back.")
SPREAD = ("Rates", "Shares are of the mails delivered, unless the heading says otherwise.")


def attributed(settings: ReportSettings) -> tuple[str, str]:
    """What attributed orders and revenue are by the present rule."""
    days = settings.click_window_days
    rules = {
        ReportSettings.Rule.LAST_CLICK: f"the last mail that a person clicked within {days} days before it",
        ReportSettings.Rule.LAST_TOUCH: (
            f"the last mail that a person clicked within {days} days, or opened within "
            f"{settings.open_window_days} days, before it"
        ),
        ReportSettings.Rule.LINEAR: (
            f"all mails that a person clicked within {days} days before it, in equal shares a click"
        ),
    }
    return (
        "Attributed",
        f"An order goes to {rules[ReportSettings.Rule(settings.rule)]}. Revenue is net of refunds and converted into "
        "the reporting currency by the rate of the order's day; without a rate it counts as an order without revenue. "
        "Attribution is not proof of cause: many would have bought anyway.",
    )
