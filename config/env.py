"""The one place that reads the environment; every name here is documented in `.env.example`."""

from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env", overwrite=False)

VAR_DIR = Path(env.str("REGARDS_VAR", default=str(BASE_DIR / "var"))).resolve()
PRODUCTION = env.bool("REGARDS_PRODUCTION", default=False)
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
SUPPRESSION_KEY = env.str("SUPPRESSION_KEY", default="")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
REPORTING_CURRENCY = env.str("REPORTING_CURRENCY", default="EUR")
POSTAL_ADDRESS = env.str("POSTAL_ADDRESS", default="Example Outdoor Ltd, 1 Harbour Street, Dublin")
WEBHOOK_SECRETS = {
    "": env.str("ESP_WEBHOOK_SECRET", default=""),
    "mailersend": env.str("MAILERSEND_SIGNING_SECRET", default=""),
    "mailgun": env.str("MAILGUN_WEBHOOK_SIGNING_KEY", default=""),
    "mailtrap": env.str("MAILTRAP_TRACKING_SECRET", default=""),
    "mandrill": env.str("MANDRILL_WEBHOOK_KEY", default=""),
    "postal": env.str("POSTAL_WEBHOOK_KEY", default=""),
    "resend": env.str("RESEND_SIGNING_SECRET", default=""),
    "sendgrid": env.str("SENDGRID_WEBHOOK_VERIFICATION_KEY", default=""),
    "unisender-go": env.str("UNISENDER_GO_API_KEY", default=""),
}
SOFT_BOUNCES = env.int("SOFT_BOUNCES", default=5)
SOFT_BOUNCE_DAYS = env.int("SOFT_BOUNCE_DAYS", default=30)
FAILED_ALERT_PERCENT = env.int("FAILED_ALERT_PERCENT", default=5)
FAILED_ALERT_LAST = env.int("FAILED_ALERT_LAST", default=200)
TRACKING_REQUESTS_PER_MINUTE = env.int("TRACKING_REQUESTS_PER_MINUTE", default=60_000)
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=1 if PRODUCTION else 0)
OUTBOUND_ALLOWED = env.list("OUTBOUND_ALLOWED", default=[])
UNSUBSCRIBE_MAILBOX = env.str("UNSUBSCRIBE_MAILBOX", default="")
UNSUBSCRIBE_IMAP_URL = env.str("UNSUBSCRIBE_IMAP_URL", default="")
EVENT_RETENTION_DAYS = env.int("REGARDS_EVENT_RETENTION_DAYS", default=0)
EVENT_RETENTION_BY_TYPE = env.dict("REGARDS_EVENT_RETENTION_BY_TYPE", cast={"value": int}, default={})
EVENT_LEDGER_DAYS = env.int("REGARDS_EVENT_LEDGER_DAYS", default=90)
EMAIL_URL = env.str("EMAIL_URL", default="")
ALERTS_FROM = env.str("ALERTS_FROM", default="Regards <regards@localhost>")
RETENTION_DAYS = {name: int(days) for name, days in env.dict("RETENTION_DAYS", default={}).items()}
TRACKING_NEEDS_CONSENT = env.bool("TRACKING_NEEDS_CONSENT", default=False)
LAUNCH_NEEDS_APPROVER = env.bool("LAUNCH_NEEDS_APPROVER", default=False)
LAUNCH_STALE_AFTER_MINUTES = env.int("LAUNCH_STALE_AFTER_MINUTES", default=120)
LAUNCH_NEEDS_PREFLIGHT = env.bool("LAUNCH_NEEDS_PREFLIGHT", default=False)
LAUNCH_APPROVAL_ABOVE = env.int("LAUNCH_APPROVAL_ABOVE", default=0)
SHOP_DOMAINS = env.list("SHOP_DOMAINS", default=[])
ALERT_FALLBACK_PERCENT = env.float("ALERT_FALLBACK_PERCENT", default=25.0)
ALERT_FAILED_PERCENT = env.float("ALERT_FAILED_PERCENT", default=1.0)
ALERT_WRITING_MS = env.int("ALERT_WRITING_MS", default=100)
DELIVERY_LEASE_SECONDS = env.int("DELIVERY_LEASE_SECONDS", default=300)
DELIVERY_ASK_AFTER_SECONDS = env.int("DELIVERY_ASK_AFTER_SECONDS", default=600)
NEAREST_STORE_KM = env.float("NEAREST_STORE_KM", default=100.0)
DROP_DIR = Path(env.str("REGARDS_DROP_DIR", default=str(VAR_DIR / "drop")))

DATABASE_URL = env.str("DATABASE_URL", default="")
REDIS_URL = BROKER_URL = env.str("REDIS_URL", default="")
if not (DATABASE_URL and REDIS_URL):
    from common import services

    _embedded = services.urls(VAR_DIR)
    DATABASE_URL = DATABASE_URL or _embedded.database_url
    BROKER_URL = REDIS_URL or _embedded.broker_url
    REDIS_URL = REDIS_URL or _embedded.redis_url
