"""Publishes an event whose name stands in the property `type`.

publish_typed.py URL KEY TYPE BODY
"""
import sys

import pika

url, key, name, body = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
channel.basic_publish(exchange="eda.events", routing_key=key, body=body, properties=pika.BasicProperties(type=name))
connection.close()
