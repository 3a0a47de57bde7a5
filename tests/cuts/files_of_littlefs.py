# littlefs itself under power cuts: an append is all or nothing, a rename is atomic. The core builds on that.
import os

import power_cuts


def before(fram, done):
    with open("/flash/a", "wb") as file:
        file.write(b"x" * 3000)
    done.append(3000)


def scenario(fram, done):
    for _ in range(6):
        with open("/flash/a", "ab") as file:
            file.write(b"y" * 1000)
        done.append(done[-1] + 1000)
    with open("/flash/b", "wb") as file:
        file.write(b"z" * 9999)
    os.rename("/flash/b", "/flash/a")
    done.append(9999)


def check(fram, done):
    with open("/flash/a", "rb") as file:
        size = len(file.read())
    assert size in (done[-1], done[-1] + 1000, 9999) and os.stat("/flash/a")[6] == size, (size, done)


print(power_cuts.every_cut(scenario, check, before, root="/flash", blocks=32))
