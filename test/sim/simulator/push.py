"""The encrypted message by which T+ delivers an appTicket: AES-128/ECB/PKCS5."""

import base64
import json


def _tables():
    p = q = 1
    box = [0] * 256
    while True:
        p ^= (p << 1) & 0xFF ^ (0x1B if p & 0x80 else 0)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        if q & 0x80:
            q ^= 0x09
        rot = lambda n: (q << n | q >> (8 - n)) & 0xFF
        box[p] = q ^ rot(1) ^ rot(2) ^ rot(3) ^ rot(4) ^ 0x63
        if p == 1:
            box[0] = 0x63
            return box


BOX = _tables()


def _twice(b):
    return (b << 1) & 0xFF ^ (0x1B if b & 0x80 else 0)


def _schedule(key):
    words, round_constant = [list(key[i:i + 4]) for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        word = list(words[-1])
        if i % 4 == 0:
            word = [BOX[b] for b in word[1:] + word[:1]]
            word[0] ^= round_constant
            round_constant = _twice(round_constant)
        words.append([a ^ b for a, b in zip(words[i - 4], word)])
    return [sum(words[i:i + 4], []) for i in range(0, 44, 4)]


def _block(block, keys):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number in range(1, 11):
        state = [BOX[b] for b in state]
        state = [state[(i + 4 * (i % 4)) % 16] for i in range(16)]
        if number < 10:
            mixed = []
            for at in range(0, 16, 4):
                a = state[at:at + 4]
                every = a[0] ^ a[1] ^ a[2] ^ a[3]
                mixed += [a[i] ^ every ^ _twice(a[i] ^ a[(i + 1) % 4]) for i in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, keys[number])]
    return bytes(state)


def encrypt(key, data):
    pad = 16 - len(data) % 16
    data += bytes([pad]) * pad
    keys = _schedule(key)
    return b"".join(_block(data[at:at + 16], keys) for at in range(0, len(data), 16))


def message(tenant):
    sw, tokens = tenant.switches.of(), tenant.tokens
    plain = {"id": "sim-message-%d" % len(tokens.tickets), "appKey": tenant.name, "appId": "1", "msgType": "APP_TICKET",
             "time": "%d" % (tokens.now() * 1000), "bizContent": {"appTicket": tokens.ticket}}
    key = sw["message_secret"].encode()[:16].ljust(16, b"0")
    return {"encryptMsg": base64.b64encode(encrypt(key, json.dumps(plain).encode())).decode()}
