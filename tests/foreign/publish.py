"""Publishes bodies, with nothing but a routing key.

publish.py URL EXCHANGE KEY BODY…
"""
import sys

import pika

url, exchange, key, *bodies = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
for body in bodies:
    channel.basic_publish(exchange=exchange, routing_key=key, body=body)
connection.close()
