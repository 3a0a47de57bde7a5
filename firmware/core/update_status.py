# What a board tells of its update, in the replies of core/update.py.
#
#  byte  type  field            status
#   0    u8    state            STATES of core/update_record.py
#   1    u8    running          slot that runs, 255 = golden
#   2    u8    active           slot that boots while none is on trial
#   3    u8    other            slot being received or tried, 255 = none
#   4    u8    boots            of a slot in a row without a sign of health
#   5    u8    result           how the last trial ended, RESULTS
#   6    u8    good             bit n: slot n was confirmed once
#   7    u8    push             0 none yet, 1 under way, 2 done, 3 failed
#   8    u32   window           first byte of the erase block being received; the image's length when all is here
#  12    4     here             bit n (LSB first): block n of it is here
#  16    u32   length           of the image being received or tried
#  20    u32   seconds          left to confirm the trial, 0 = none runs
#  24    u32   pushed           bytes of the push that arrived
#  28    8     hash             first bytes of the image's in slot a, zeros = none
#  36    8     hash             in slot b
#  44    16    version          of the image that runs, empty = golden
#
#  byte  type  field            board
#   0    8     role
#   8    8     target           sys.platform
#  16    u16   mpy              sys.implementation._mpy
#  18    8     uid
#  26    u32   slot             bytes of a slot, 0 = this board has none
#  30    u16   block            bytes erased at a time
#  32    8     base             of the golden app; zeros: unknown, so whole images only
#
# All big-endian.
from micropython import const

STATUS = ">BBBBBBBBI4sIII8s8s16s"
STATUS_SIZE = const(60)
BOARD = ">8s8sH8sIH8s"
BOARD_SIZE = const(40)

NO_PUSH, PUSHING, PUSHED, PUSH_FAILED = const(0), const(1), const(2), const(3)
PUSHES = ("none", "under way", "done", "failed")
