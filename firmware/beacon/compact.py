# The beacon's dictionary as the board keeps it: core/lines.py.
# Written by `dragonet generate compact`; do not edit.
from core.dictionary import Dictionary
from core.lines import Lines
from core.telemetry import Set

HK = Set("beacon", Lines(0, b"""
seq|u16||1|
uptime_s|u32|s|1|
mission_s|u32|s|1|
mode|u8||1|
boots|u16||1|
reset_cause|u8||1|
failed_task|u8||1|
restarts|u16||1|
faults|u16||1|
limits|u16||1|
last_event|u8||1|
slot|u8||1|
update|u8||1|
params|u16||1|
next_seq|u32||1|
commands|u16||1|
refused|u16||1|
supply_v|u16|V|0.001|
pa_t|i16|degC|0.01|
antenna|u8||1|
burns|u8||1|
rf|u8||1|
period_s|u16|s|1|
cycles|u16||1|
cw_sent|u16||1|
frames_sent|u16||1|
tx_errors|u16||1|
underruns|u16||1|
radio_resets|u16||1|
"""), 0x978C8734)

PARAMETERS = Lines(0, b"""
hk_period|u16|s|1|5|50|20|False|
period|u16|s|1|90|300|90|False|
period_low_power|u16|s|1|90|300|120|False|
period_safe|u16|s|1|90|360|180|False|
period_critical|u16|s|1|90|600|360|False|
""")


def dictionary():
    from core.compact import SYSTEM

    events = Lines(1, b"""
boot|0|1|reset cause|boots|
fault|1|2|faults since boot||
task_failed|2|3|task number|failures in a row|
dictionary|3|2|address|hash|
limit_warning|4|2|limit|value|
limit_error|5|3|limit|value|
limit_over|6|1|limit|value|
limit_action|9|2|limit|reason|
antenna_burn|7|1|attempts|switch|
antenna_released|8|1|attempts||
schedule_done|32|1|entry|status * 256 + reason|
schedule_missed|33|2|entry|seconds late|
schedule_cut|34|2|entry||
schedule_storage|35|3|entry, or cells||
sequence_ended|36|1|sequence|steps * 256|
sequence_stopped|37|2|sequence|steps * 256 + reason|
time_set|48|1|seconds|microseconds|
time_step|49|1|seconds|microseconds|
time_synchronised|50|1|seconds|microseconds|
time_far|51|2|seconds||
file_received|64|1|bytes|session|
file_deleted|65|1|||
log_lost|66|2|packets|since boot|
scrubbed|67|1|mended|broken|
update|80|2|result|running|
param_set|16|1|position|value|
param_reverted|17|2|parameters||
command_refused|96|2|reason|source * 256 + key slot|
key_slot|97|2|slot|state|
tx_error|128|2|errors since boot|kind|
""")
    commands = Lines(1, b"""
noop|0|(data,bytes,,1,0,64;)|1|
reset|1|()|0|
tm_get|2|(set,u8,,1,0,7;)|1|
hk_now|3|()|0|
event_counts|4|(first,u8,,1,0,254;)|1|
event_read|5|(sequence,u32,,1,None,None;)|1|
limit_state|6|()|1|
limit_enable|7|(limit,u8,,1,0,15;on,u8,,1,0,1;)|0|
param_list|16|(first,u8,,1,None,None;)|1|
param_get|17|(name,text,,1,1,24;)|1|
param_set|18|(value,i32,,1,None,None;name,text,,1,1,24;)|0|
param_default|19|(name,text,,1,0,24;)|0|
param_confirm|20|()|0|
param_revert|21|()|0|
schedule_add|32|(number,u8,,1,1,None;kind,u8,,1,0,2;flags,u8,,1,0,3;event,u8,,1,None,None;value,u8,,1,None,None;due,u32,s,1,None,None;period,u32,s,1,None,None;times,u16,,1,None,None;command,bytes,,1,1,25;)|0|
schedule_delete|33|(number,u8,,1,None,None;)|0|
schedule_enable|34|(number,u8,,1,1,None;on,u8,,1,0,1;)|0|
schedule_read|35|(after,u8,,1,None,None;)|1|
sequence_store|36|(number,u8,,1,1,None;flags,u8,,1,0,1;steps,bytes,,1,0,118;)|0|
sequence_read|37|(number,u8,,1,1,None;)|1|
sequence_list|38|()|1|
sequence_run|39|(number,u8,,1,1,None;)|0|
sequence_stop|40|(number,u8,,1,None,None;)|0|
time_get|48|()|1|
time_set|49|(seconds,u32,s,1,None,None;microseconds,u32,us,1,0,999999;restart,u8,,1,0,1;)|0|
file_list|64|(folder,u8,,1,0,1;start,u16,,1,None,None;)|1|
file_open|65|(size,u32,B,1,1,12123975;hash_name,bytes,,1,33,64;)|0|
file_block|66|(session,u8,,1,None,None;index,u16,,1,None,None;data,bytes,B,1,1,185;)|0|
file_status|67|()|1|
file_close|68|()|0|
file_get|69|(gap,u16,ms,1,0,2000;base,u16,,1,None,None;wanted_name,bytes,,1,9,44;)|1|
file_hash|70|(name,text,,1,1,36;)|1|
file_delete|71|(name,text,,1,1,36;)|0|
store_status|72|()|1|
store_flush|73|()|0|
scrub_start|74|()|0|
scrub_status|75|()|1|
update_status|80|()|1|
update_begin|81|(manifest,bytes,,1,107,107;)|0|
update_block|82|(offset,u32,B,1,None,None;data,bytes,,1,1,128;)|0|
update_keep|83|(offset,u32,B,1,None,None;crc,u32,,1,None,None;)|0|
update_verify|84|()|0|
update_activate|85|()|0|
update_confirm|86|()|0|
update_abort|87|()|0|
update_choose|88|(slot,u8,,1,None,None;)|0|
update_push|89|(node,u8,,1,1,30;path,text,,1,1,64;)|0|
update_board|90|()|1|
slots|96|()|1|
refusals|97|()|1|
slot_recover|98|(next,u32,,1,0,4294901760;challenge,bytes,,1,8,8;)|0|
key_rotate|99|(slot,u8,,1,0,3;generation,u16,,1,1,65534;)|0|
""")
    limits = Lines(0, b"""
supply_v|6400|None|40|200|2|None
pa_t|-3000|8000|40|500|2|None
""")
    return Dictionary("beacon", HK, PARAMETERS, events, commands, limits, (SYSTEM,), 0xC0BCF17C)
