"""Publishes bodies that are no order, and prints each in hexadecimal.

publish_broken.py URL EXCHANGE KEY
"""
import sys

import pika

BODIES = [
    b"",
    b"hello",
    b"\xff\xfe\x00\x80",
    b'{"event_type": "PurchaseMade", "order_id": 7',
    b"[1, 2]",
    b"null",
    b'{"event_type": "PurchaseMade", "order_id": "seven", "amount": 250}',
    b'{"event_type": "PurchaseMade", "amount": 250}',
]

url, exchange, key = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
for body in BODIES:
    channel.basic_publish(exchange=exchange, routing_key=key, body=body)
    print(body.hex())
connection.close()
