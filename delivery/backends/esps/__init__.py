"""The providers that Anymail knows: one small file each for what differs. docs/adding-a-provider.md tells the rest."""

from delivery.backends.esps import (
    amazon_ses,
    brevo,
    mailersend,
    mailgun,
    mailjet,
    mailtrap,
    mandrill,
    postal,
    postmark,
    resend,
    scaleway,
    sendgrid,
    sparkpost,
    unisender_go,
)
from delivery.backends.esps.esp import Esp

ESPS: dict[str, Esp] = {
    one.ESP.name: one.ESP
    for one in (
        amazon_ses,
        brevo,
        mailersend,
        mailgun,
        mailjet,
        mailtrap,
        mandrill,
        postal,
        postmark,
        resend,
        scaleway,
        sendgrid,
        sparkpost,
        unisender_go,
    )
}
