"""Looking at senders' domains: asked for by a row, done by a task, kept with its date."""

import math
import time
from datetime import timedelta
from functools import cached_property

import dns.exception
import dns.resolver
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from common.clock import now
from delivery.backends import WAYS
from delivery.domain_records import NoAnswer, check_domain
from delivery.models import Sender, SenderCheck

LEASE = timedelta(minutes=2)
KEPT_OF_EACH = 30
SERVER_SECONDS = 1.0
"""For so long one name server is waited for before the next is asked."""
QUESTION_SECONDS = 5.0
"""For so long all of them are waited for."""
DOMAIN_SECONDS = 12.0
"""For so long all questions about a domain wait together: an SPF record can ask for many."""


class DnsResolver:
    """Asks the name servers that this machine asks, or those that are given, about one domain."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None) -> None:
        self._given = resolver
        self._left = DOMAIN_SECONDS

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name; none if there is no such name. Raises NoAnswer."""
        if self._left <= 0:
            raise NoAnswer(f"name servers were not asked for {name}, because other answers took too long")
        begun = time.monotonic()
        try:
            patience = min(QUESTION_SECONDS, self._left)
            found = self._resolver.resolve(name, "TXT", raise_on_no_answer=False, lifetime=patience)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise NoAnswer(f"the name servers do not answer for {name}") from error
        finally:
            self._left -= time.monotonic() - begun
        return [b"".join(one.strings).decode(errors="replace") for one in found.rrset or ()]

    @cached_property
    def _resolver(self) -> dns.resolver.Resolver:
        """Asks its servers in any order, so that a dead one is not the first each time."""
        resolver = self._given or dns.resolver.Resolver()
        resolver.rotate, resolver.timeout, resolver.cache = True, SERVER_SECONDS, dns.resolver.Cache()
        return resolver


def ask(sender: Sender) -> SenderCheck:
    """Queue a look at a sender's domain; the one that waits already, if there is one."""
    waiting, _ = SenderCheck.objects.get_or_create(sender=sender, finished_at=None)
    return waiting


def ask_all() -> int:
    """Queue a look at the domain of every sender whose mail leaves this machine."""
    leaving = Sender.objects.exclude(backend=Sender.Backend.LOCAL).order_by("pk")
    return len([ask(sender) for sender in leaving])


def run_waiting(resolver: dns.resolver.Resolver | None = None, *, seconds: float = math.inf) -> int:
    """Look at every domain that is waited for, and keep the newest of each sender; returns how many.

    No look begins after so many seconds: name servers that are silent would hold up whatever waits behind this.
    """
    done, begun = 0, time.monotonic()
    while time.monotonic() - begun < seconds and (check := _claimed()):
        findings = _findings(check.sender, DnsResolver(resolver))
        SenderCheck.objects.filter(pk=check.pk, begun_at=check.begun_at).update(
            findings=findings, finished_at=Now()
        )
        _forget_old(check.sender_id)
        done += 1
    return done


@transaction.atomic
def _claimed() -> SenderCheck | None:
    """Take a check that nobody has, or whose worker died."""
    free = Q(begun_at=None) | Q(begun_at__lt=now() - LEASE)
    waiting = SenderCheck.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        free, finished_at=None
    )
    check = waiting.select_related("sender").order_by("pk").first()
    if check is not None:
        check.begun_at = now()
        check.save(update_fields=["begun_at"])
    return check


def _findings(sender: Sender, resolver: DnsResolver) -> list[dict[str, str]]:
    way = WAYS[sender.backend]
    selectors = (sender.dkim_selector,) if sender.dkim_selector else way.dkim_selectors
    found = check_domain(sender.domain, resolver=resolver, selectors=selectors, spf_include=way.spf_include)
    return [one.as_row() for one in found]


def _forget_old(sender_id: int) -> None:
    newest = SenderCheck.objects.filter(sender_id=sender_id).order_by("-pk").values("pk")
    SenderCheck.objects.filter(sender_id=sender_id).exclude(
        pk__in=list(newest[:KEPT_OF_EACH].values_list("pk", flat=True))
    ).delete()
