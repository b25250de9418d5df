"""People who work with Regards, and the programs that call it."""

import hashlib
import secrets
from datetime import datetime
from typing import ClassVar

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from accounts.roles import Permission, may
from accounts.roles import Role as Role
from common.clock import now


class UserManager(BaseUserManager["User"]):
    """Makes users whose name is their e-mail address."""

    def create_user(
        self, email: str, password: str | None = None, *, role: str = Role.VIEWER, **fields: object
    ) -> "User":
        """Store a user; without a password nobody can sign in as them."""
        user = self.model(email=self.normalize_email(email).strip().lower(), role=role, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find who signs in with this address, in whatever letter case they write it."""
        return self.get(email__iexact=(username or "").strip())

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Store an administrator who may also use the admin."""
        return self.create_user(email, password, role=Role.ADMIN, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A colleague, who signs in with e-mail and password."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.VIEWER)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("may use the admin", default=False)
    date_joined = models.DateTimeField(default=now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_ci")]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        """Keep the address in small letters, as `create_user` does."""
        super().clean()
        self.email = self.email.lower()

    def may(self, permission: Permission) -> bool:
        """Whether this user's role has the permission; superusers have all."""
        return self.is_superuser or may(self.role, permission)

    @property
    def may_edit(self) -> bool:
        """Whether this user may change segments, rules, templates and campaigns."""
        return self.may(Permission.EDIT)

    @property
    def may_download(self) -> bool:
        """Whether this user may take rows away as a file."""
        return self.may(Permission.DOWNLOAD)

    @property
    def may_launch(self) -> bool:
        """Whether this user may publish rules and launch campaigns."""
        return self.may(Permission.LAUNCH)

    @property
    def may_train(self) -> bool:
        """Whether this user may train recommenders."""
        return self.may(Permission.TRAIN)

    @property
    def may_administer(self) -> bool:
        """Whether this user may see and do what is kept for administrators."""
        return self.may(Permission.ADMINISTER)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys, with the one way to make one and the one way to find one."""

    def issue(
        self,
        *,
        name: str,
        scopes: list[str],
        source: str = "",
        created_by: User | None = None,
        expires_at: datetime | None = None,
    ) -> tuple["ApiKey", str]:
        """Store a new key and return it with its secret, which is kept nowhere else."""
        secret = f"rk_{secrets.token_urlsafe(32)}"
        key = self.create(
            name=name,
            scopes=scopes,
            source=source,
            created_by=created_by,
            expires_at=expires_at,
            prefix=secret[:8],
            digest=ApiKey.digest_of(secret),
        )
        return key, secret

    def usable(self, at: datetime) -> "ApiKeyQuerySet":
        """Keys that are neither revoked nor expired at that time."""
        return self.filter(revoked_at=None).filter(models.Q(expires_at=None) | models.Q(expires_at__gt=at))


class ApiKey(models.Model):
    """A program's way in. Only the SHA-256 of the secret is stored (it has 256 bits of its own)."""

    class Scope(models.TextChoices):
        CONTENT_READ = "content:read", "Read content slots"
        RECOMMENDATIONS_READ = "recommendations:read", "Read recommendations"
        SEGMENTS_READ = "segments:read", "Read segments and who is in them, and count"
        SEGMENTS_WRITE = "segments:write", "Create, change and archive segments"
        TRACK_WRITE = "track:write", "Send events (may stand in a public web page)"

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=8, editable=False)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=50, choices=Scope.choices))
    source = models.SlugField(
        max_length=50, blank=True, help_text="For sending events: whose they are, such as webshop"
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest_of(secret: str) -> bytes:
        """Return what is stored in place of a secret."""
        return hashlib.sha256(secret.encode()).digest()


class AuditEntry(models.Model):
    """Somebody saw or changed something. Rows are only added (see `accounts.audit`)."""

    at = models.DateTimeField(db_default=Now())
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=100, help_text="A page's name, or a word such as export")
    object_kind = models.CharField(max_length=50, blank=True)
    object_id = models.CharField(max_length=200, blank=True, help_text="Empty once the person was erased")
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["object_id"], name="audit_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}".strip()

    @property
    def action_in_words(self) -> str:
        """What was done; the name of a page without its signs."""
        return self.action.replace(":", ": ").replace("_", " ")

    @property
    def kind_in_words(self) -> str:
        """What sort of thing it was done to; a kind that is known no more as it was written."""
        try:
            return str(apps.get_model(self.object_kind)._meta.verbose_name)
        except (LookupError, ValueError):
            return self.object_kind
