"""Declares a queue and prints how many messages and consumers it has. Declared otherwise before, the broker refuses.

declare_queue.py URL QUEUE OPTIONS
"""
import json
import sys

import pika

url, queue, options = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
declared = channel.queue_declare(queue=queue, **json.loads(options))
print(declared.method.message_count, declared.method.consumer_count)
connection.close()
