#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares our header with the OASIS one: every value, the size and members of every structure, the place of every
function. Usage: header.py DIR, where DIR holds pkcs11.h, pkcs11t.h and pkcs11f.h of PKCS #11 3.2."""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

PLATFORM = """
#define CK_PTR *
#define CK_DECLARE_FUNCTION(type, name) type name
#define CK_DECLARE_FUNCTION_POINTER(type, name) type (*name)
#define CK_CALLBACK_FUNCTION(type, name) type (*name)
#define NULL_PTR 0
"""


def ours(name):
    with open(os.path.join(HERE, name)) as file:
        return file.read()


def questions():
    for name in re.findall(r"#define (CK\w+)\s+\S", ours("cryptoki_values.h")):
        yield f"(unsigned long)({name})", name
    for struct, body in re.findall(r"typedef struct (CK_\w+) \{(.*?)\} CK_\w+;", ours("cryptoki.h"), re.S):
        yield f"sizeof(struct {struct})", struct
        for member in re.findall(r"(\w+)(?:\[\d+\])?\s*[,;]", body):
            yield f"offsetof(struct {struct}, {member})", f"{struct}.{member}"
            yield f"sizeof(((struct {struct} *)0)->{member})", f"size of {struct}.{member}"
    functions = re.findall(r"CK_FN\((C_\w+),", ours("cryptoki_functions.h"))
    for name, count in (("CK_FUNCTION_LIST", 68), ("CK_FUNCTION_LIST_3_0", 92), ("CK_FUNCTION_LIST_3_2", 104)):
        for function in functions[:count]:
            yield f"offsetof(struct {name}, {function})", f"{name}.{function}"


def answers(directory, before, include):
    program = before + '#include <stddef.h>\n#include <stdio.h>\n#include "%s"\nint main(void)\n{\n' % include
    for question, name in questions():
        program += '\tprintf("%s %%lu\\n", (unsigned long)(%s));\n' % (name, question)
    source = os.path.join(directory, "q.c")
    with open(source, "w") as file:
        file.write(program + "}\n")
    subprocess.run(["cc", "-w", "-o", source[:-2], source], check=True)
    return subprocess.run([source[:-2]], check=True, capture_output=True, text=True).stdout.splitlines()


def main():
    with tempfile.TemporaryDirectory() as directory:
        mine = answers(directory, "", os.path.join(HERE, "cryptoki.h"))
        theirs = answers(directory, PLATFORM, os.path.join(os.path.abspath(sys.argv[1]), "pkcs11.h"))
    different = [f"{a} | {b}" for a, b in zip(mine, theirs) if a != b]
    print("\n".join(different + [f"{len(mine)} facts, {len(different)} differ"]))
    sys.exit(bool(different))


main()
