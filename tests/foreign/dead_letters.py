"""Takes dead letters out of a queue, and prints each as a line: body in hexadecimal, attempt, reason, detail.

dead_letters.py URL QUEUE COUNT
"""
import sys

import pika

url, queue, count = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
for method, properties, body in channel.consume(queue):
    why = properties.headers
    print(body.hex(), why["eda-attempt"], why["eda-reason"], why["eda-detail"], sep="\t", flush=True)
    channel.basic_ack(method.delivery_tag)
    if method.delivery_tag == int(count):
        break
connection.close()
