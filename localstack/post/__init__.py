"""A simulator of what carries SMS and mail: Alibaba Cloud's SMS service with checked signatures, and a mail server.

``python -m localstack.post`` runs it on its own; tests start it in their own process::

    with PostSimulator(access_key_id="LTAI5t", access_key_secret="any text", sign_name="明日学堂",
                       user="post", password="any text") as post:
        post.url, post.smtp_port               # where SMS and mail go
        post.sms("13800000000"), post.mails()  # what has left
        post.newest_code("13800000000")        # the code in it
        with post.bad_day("sms_answer_lost"): ...

It shares no code with the shop, so each of them checks the other.
"""

from localstack.post.bad_days import BAD_DAYS
from localstack.post.letters import Mail, NotFound, Sms
from localstack.post.simulator import PostSimulator

__all__ = ["BAD_DAYS", "Mail", "NotFound", "PostSimulator", "Sms"]
