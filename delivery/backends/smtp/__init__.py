"""Mail over SMTP: `connection` opens a session, `conversation` hands one mail over, `backend` a batch."""

from delivery.backends.smtp.backend import SmtpBackend as SmtpBackend
from delivery.backends.smtp.connection import Security as Security
from delivery.backends.smtp.connection import Server as Server
