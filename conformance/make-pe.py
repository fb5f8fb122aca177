# SPDX-License-Identifier: Apache-2.0
"""Writes the smallest PE32+ file that signing tools take: headers, one section, nothing to run."""
import struct
import sys

dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22)
optional = struct.pack("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20B, 14, 0, 512, 0, 0, 0x1000, 0x1000, 0x140000000, 0x1000, 512,
                       6, 0, 0, 0, 6, 0, 0, 0x2000, 512, 0, 3, 0, 1 << 20, 4096, 1 << 20, 4096, 0, 16) + bytes(128)
section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", 1, 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020)
headers = dos + coff + optional + section
sys.stdout.buffer.write(headers.ljust(512, b"\0") + b"\xc3".ljust(512, b"\0"))
