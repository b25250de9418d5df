"""Django's settings. Values from the environment come through `config.env` and nowhere else."""

import re
import sys
from datetime import timedelta
from typing import Any

import environ
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.keys import local_key
from config.queues import REDELIVERED_AFTER_SECONDS, ROUTES
from config.schedules import SCHEDULES as SCHEDULES

BASE_DIR = env.BASE_DIR
VAR_DIR = env.VAR_DIR
DEBUG = env.DEBUG
PRODUCTION = env.PRODUCTION
TESTING = "pytest" in sys.modules

if PRODUCTION:
    if not env.SECRET_KEY or len(env.SECRET_KEY) < 50:
        raise ImproperlyConfigured("Set SECRET_KEY to at least 50 random characters in production.")
    if len(env.SUPPRESSION_KEY) < 32:
        raise ImproperlyConfigured("Set SUPPRESSION_KEY to at least 32 random characters in production.")
    if DEBUG:
        raise ImproperlyConfigured("DEBUG must be off in production.")
    if any("*" in host or host.startswith(".") for host in env.ALLOWED_HOSTS):
        raise ImproperlyConfigured("Name the hosts in ALLOWED_HOSTS; wildcards are refused in production.")
    if not env.BASE_URL.startswith("https://"):
        raise ImproperlyConfigured("BASE_URL must begin with https:// in production.")
SECRET_KEY = env.SECRET_KEY or local_key(VAR_DIR / "keys" / "secret")
SECRET_KEY_FALLBACKS = env.SECRET_KEY_FALLBACKS
SUPPRESSION_KEY = env.SUPPRESSION_KEY or local_key(VAR_DIR / "keys" / "suppression")

ALLOWED_HOSTS = env.ALLOWED_HOSTS
BASE_URL = env.BASE_URL
REPORTING_CURRENCY = env.REPORTING_CURRENCY
POSTAL_ADDRESS = env.POSTAL_ADDRESS
DROP_DIR = env.DROP_DIR
TRACKING_REQUESTS_PER_MINUTE = env.TRACKING_REQUESTS_PER_MINUTE
TRUSTED_PROXIES = env.TRUSTED_PROXIES
OUTBOUND_ALLOWED = env.OUTBOUND_ALLOWED
UNSUBSCRIBE_MAILBOX = env.UNSUBSCRIBE_MAILBOX
if not re.fullmatch(r"([a-z0-9._-]{1,20}@[a-z0-9.-]+\.[a-z0-9-]+)?", UNSUBSCRIBE_MAILBOX):
    raise ImproperlyConfigured("UNSUBSCRIBE_MAILBOX must be an address such as unsubscribe@mail.example.")
UNSUBSCRIBE_IMAP_URL = env.UNSUBSCRIBE_IMAP_URL
if UNSUBSCRIBE_IMAP_URL and not UNSUBSCRIBE_IMAP_URL.startswith(("imaps://", "imap://")):
    raise ImproperlyConfigured(
        "UNSUBSCRIBE_IMAP_URL must begin with imaps:// (or imap:// on your own network)."
    )
EVENT_RETENTION_DAYS = env.EVENT_RETENTION_DAYS
EVENT_RETENTION_BY_TYPE = env.EVENT_RETENTION_BY_TYPE
EVENT_LEDGER_DAYS = env.EVENT_LEDGER_DAYS
if any(
    0 < days < 31 for days in (EVENT_RETENTION_DAYS, EVENT_LEDGER_DAYS, *EVENT_RETENTION_BY_TYPE.values())
):
    raise ImproperlyConfigured("Events and their ids are kept for 31 days at least.")
TRACKING_NEEDS_CONSENT = env.TRACKING_NEEDS_CONSENT
LAUNCH_NEEDS_APPROVER = env.LAUNCH_NEEDS_APPROVER
LAUNCH_STALE_AFTER_MINUTES = env.LAUNCH_STALE_AFTER_MINUTES
LAUNCH_NEEDS_PREFLIGHT = env.LAUNCH_NEEDS_PREFLIGHT
LAUNCH_APPROVAL_ABOVE = env.LAUNCH_APPROVAL_ABOVE
ALERT_FALLBACK_PERCENT = env.ALERT_FALLBACK_PERCENT
ALERT_FAILED_PERCENT = env.ALERT_FAILED_PERCENT
ALERT_WRITING_MS = env.ALERT_WRITING_MS
SHOP_DOMAINS = [domain.lower() for domain in env.SHOP_DOMAINS]
DELIVERY_LEASE_SECONDS = env.DELIVERY_LEASE_SECONDS
DELIVERY_ASK_AFTER_SECONDS = env.DELIVERY_ASK_AFTER_SECONDS

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "anymail",
    "csp",
    "django_celery_beat",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "template_partials",
    "common",
    "accounts",
    "products",
    "customers",
    "segments",
    "rules",
    "recommendations",
    "experiments",
    "delivery",
    "campaigns",
    "connectors",
    "reports",
    "demo",
]

MIDDLEWARE = [
    "common.health.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "delivery.hit_views.HitMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.audit.AuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "common.csp.AdminAwareCSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "demo.context_processors.demo_data",
            ],
        },
    }
]

DATABASES = {"default": environ.Env.db_url_config(env.DATABASE_URL)}
DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": env.REDIS_URL}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.RoleBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static" if PRODUCTION else None  # filled by `prepare`
WHITENOISE_USE_FINDERS = not PRODUCTION
MEDIA_URL = "/media/"
MEDIA_ROOT = VAR_DIR / "media"
MODELS_DIR = VAR_DIR / "models"
EXTERNAL_DIR = VAR_DIR / "external"
REJECTS_DIR = VAR_DIR / "rejects"
IMPORTS_DIR = VAR_DIR / "imports"
if PRODUCTION:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds())
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
# Mail to colleagues; customers' mail goes through `delivery`. Unset, alerts become files.
if env.EMAIL_URL:
    vars().update(environ.Env.email_url_config(env.EMAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR_DIR / "alerts"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.ALERTS_FROM
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
    }
}

CELERY_BROKER_URL = env.BROKER_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = ROUTES
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": REDELIVERED_AFTER_SECONDS}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttling.KeyThrottle"],
    "DEFAULT_THROTTLE_RATES": {"reads": "6000/min", "work": "120/min"},
    "EXCEPTION_HANDLER": "common.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Regards API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "customers.tracking.schema.add_tracking",
    ],
}

# Providers' webhooks exist only with what verifies them; the nameless secret is for those that sign nothing.
WEBHOOK_SECRETS = {name: secret for name, secret in env.WEBHOOK_SECRETS.items() if secret}
if ":" not in WEBHOOK_SECRETS.get("", ":"):
    raise ImproperlyConfigured("ESP_WEBHOOK_SECRET is a name and a password: user:password.")
SOFT_BOUNCES = env.SOFT_BOUNCES
SOFT_BOUNCE_DAYS = env.SOFT_BOUNCE_DAYS
FAILED_ALERT_PERCENT = env.FAILED_ALERT_PERCENT
FAILED_ALERT_LAST = env.FAILED_ALERT_LAST

# Who is told that a customer's data changed (rows in customers.Touched).
TOUCHED_CONSUMERS = ["segments"]
# Who is told what changed after segments and stages were judged by it, in the same transaction.
NEWS_LISTENERS = ["campaigns.journeys.bells.ring"]
# Who judges everybody anew after a list of people was imported, which touches nobody one by one.
AFTER_LISTS = ["customers.tasks.locate_customers", "segments.tasks.refresh_all_segments"]

# Who goes by the nearest store, rung when stores change; and how far away it may be.
STORE_LISTENERS = ["customers.tasks.locate_customers", "segments.tasks.refresh_all_segments"]
NEAREST_STORE_KM = env.NEAREST_STORE_KM

# What else keeps a message from being sent, asked when it is claimed: functions → delivery.obstacles.Obstacle or None.
CLAIM_OBSTACLES = ["campaigns.pressure.claim_obstacle"]

# Who writes letters that delivery knows only by their kind: kind → function of the letter, the mail or None.
LETTER_WRITERS = {"digest": "reports.digest.write"}

# Who tells which segments its campaigns and rules use; asked before a segment is archived or deleted.
SEGMENT_USERS = ["campaigns.field_uses.tell_uses", "campaigns.journeys.uses.tell_uses"]
# Asked who asks about stages, as pairs of a label and their keys, before one is deleted.
STAGE_USERS = [
    "rules.uses.stage_uses",
    "campaigns.field_uses.stage_uses",
    "campaigns.journeys.uses.stage_uses",
]

# Who reads a source again from its beginning, for a comparison with what is stored: name → parts, or None.
SOURCE_READERS = ["connectors.rereading.parts_of"]

# Who ran mailings that held customers back by chance, from which it is learnt what a mail does.
MAIL_TRIALS = ["campaigns.mail_trials.mail_trials"]

# Which blocks and slots there are: rules below the campaigns ask for names and are told those that exist.
RULES_ASK = {"blocks": "campaigns.slots.known_blocks", "slots": "campaigns.slots.known_slots"}

# What each table holds about people, upper apps first (see customers.personal_data), and the folders that may hold
# rows about them.
PERSONAL_DATA = [
    *(
        f"{app}.personal_data"
        for app in (
            "reports",
            "campaigns",
            "connectors",
            "delivery",
            "experiments",
            "recommendations",
            "rules",
            "segments",
            "customers",
        )
    ),
    "customers.personal_data_below",
]
PERSONAL_FILES = [REJECTS_DIR, DROP_DIR, IMPORTS_DIR, VAR_DIR / "alerts"]
# Who knows by which mapping such a file is read: paths → (path, mapping) of those that are known.
FILE_MAPPINGS = ["customers.personal_files.files_of_imports", "connectors.rereading.files_of_sources"]
ERASURES_FILE = VAR_DIR / "erasures.jsonl"
# What is kept for how long. Events have their own retention: their partitions are dropped.
RETENTION: dict[str, dict[str, Any]] = {
    "audit": {"what": "The audit trail", "days": 730, "forget": "accounts.audit.delete_before"},
    "rejects": {
        "what": "Files of refused rows",
        "days": 90,
        "forget": "customers.retention.delete_rejects",
    },
    "quarantine": {
        "what": "Rows in quarantine",
        "days": 90,
        "forget": "customers.retention.delete_quarantined",
    },
    "opt_ins": {
        "what": "Sign-ups; what was confirmed is in the consent log",
        "days": 30,
        "forget": "customers.retention.delete_opt_ins",
    },
    "privacy_requests": {
        "what": "Names in settled privacy requests",
        "days": 1095,
        "forget": "customers.retention.empty_privacy_requests",
    },
    "mailbox": {
        "what": "Copies of mails in the local mailbox",
        "days": 90,
        "forget": "delivery.retention.delete_mailbox_copies",
    },
    "webhooks": {
        "what": "The words of providers' reports",
        "days": 90,
        "forget": "delivery.retention.empty_webhook_bodies",
    },
    "openings": {
        "what": "Products that mails chose when they were opened",
        "days": 180,
        "forget": "campaigns.open_time.retention.delete_openings",
    },
    "devices": {
        "what": "Devices of openings and clicks",
        "days": 180,
        "forget": "delivery.retention.empty_devices",
    },
}
if unknown := sorted(env.RETENTION_DAYS.keys() - RETENTION.keys()):
    raise ImproperlyConfigured(f"RETENTION_DAYS names {', '.join(unknown)}; there is {', '.join(RETENTION)}.")
for name, days in env.RETENTION_DAYS.items():
    RETENTION[name]["days"] = days

UNFOLD = {
    "SITE_TITLE": "Regards",
    "SITE_HEADER": "Regards",
    "SITE_SYMBOL": "mail",
    "SHOW_HISTORY": True,
    # The blue of the pages; its links can be read on light and on dark.
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.6)",
            "100": "oklch(93.2% .032 255.6)",
            "200": "oklch(88.2% .059 254.1)",
            "300": "oklch(80.9% .105 251.8)",
            "400": "oklch(70.7% .165 254.6)",
            "500": "oklch(66% .19 257)",
            "600": "oklch(54.6% .245 262.9)",
            "700": "oklch(48.8% .243 264.4)",
            "800": "oklch(42.4% .199 265.6)",
            "900": "oklch(37.9% .146 265.5)",
            "950": "oklch(28.2% .091 267.9)",
        }
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"httpx": {"level": "WARNING"}},
}
