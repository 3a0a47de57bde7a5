-- What the boards say on CSP ports of their own: heartbeat, events, time, commands. Loaded by csp_packet.lua.
--
--  heartbeat  mode and reset cause u8 | boots u8 | dictionary u16                          firmware/core/heartbeat.py
--  event      sequence u32 | mission s u32 | number u8 | boots u8 | a i32 | b i32          firmware/core/events.py
--  time       kind u8 | tag u8 | flags u8 | steps u8 | s u32 | us u32 | held us u16        firmware/core/time_sync.py
--  command    slot u8 | sequence u32 | MAC 16 (slot 255: none) | opcode u8 | arguments     firmware/core/commands.py
--  reply      opcode u8 | sequence u32 | status u8 | data, or reason u8 and detail u8
--
-- Names come from the tables in firmware/, where this checkout has them; else there are numbers.

local here = debug.getinfo(1, "S").source:gsub("^@", ""):match("^(.*)[/\\]") or "."

local function text_of(path)
    local file = io.open(here .. "/../../firmware/" .. path)
    local text = file and file:read("*a") or ""
    if file then
        file:close()
    end
    return text
end

local names = { nodes = {}, ports = {}, modes = {}, events = {}, commands = {}, roles = {} }

local function read_ports()
    local text = text_of("core/ports.py")
    for name, number in (text:match("ADDRESSES = (%b{})") or ""):gmatch('"(%w+)": (%d+)') do
        names.nodes[tonumber(number)] = name
    end
    local modes = {}
    for name in (text:match("MODES = (%b())") or ""):gmatch('"([%w_]+)"') do
        names.modes[#modes] = name
        modes[#modes + 1] = name
        modes[name:upper()] = true
    end
    for name, number in text:gmatch("\n([A-Z_]+) = const%((%d+)%)") do
        if not modes[name] then
            names.ports[tonumber(number)] = name:lower()
        end
    end
end

-- Events of the core by number, those of a role by its address and number.
local function read_events(folder, into)
    local text = text_of(folder .. "/event_table.py")
    for name, number in text_of(folder .. "/event_codes.py"):gmatch("\n([A-Z_]+) = const%((%w+)%)") do
        local event = text:match("\n    %(" .. name .. ', "([%w_]+)", [A-Z]+,')
        if event then
            into[tonumber(number)] = event
        end
    end
end

read_ports()
read_events("core", names.events)
for address, role in pairs(names.nodes) do
    names.roles[address] = setmetatable({}, { __index = names.events })
    read_events(role, names.roles[address])
end
for opcode, name in text_of("core/command_table.py"):gmatch('\n    %((0x%x+), "([%w_]+)",') do
    names.commands[tonumber(opcode)] = name
end

local UNSIGNED = 255
local COMMAND_LAST_PORT = 16
local STATUSES = { [0] = "accepted", "completed", "refused", "failed" }
local KINDS = { [0] = "request", "reply", "notice" }

local P = {
    mode = ProtoField.uint8("csp.heartbeat.mode", "Mode", base.DEC, names.modes),
    cause = ProtoField.uint8("csp.heartbeat.reset_cause", "Reset cause", base.DEC),
    boots = ProtoField.uint8("csp.heartbeat.boots", "Boots, modulo 256", base.DEC),
    dictionary = ProtoField.uint16("csp.heartbeat.dictionary", "Dictionary", base.HEX),
    event_sequence = ProtoField.uint32("csp.event.sequence", "Sequence", base.DEC),
    event_mission = ProtoField.uint32("csp.event.mission", "Mission time", base.UNIT_STRING, { " s" }),
    event_number = ProtoField.uint8("csp.event.number", "Event", base.DEC),
    event_name = ProtoField.string("csp.event.name", "Name"),
    event_boots = ProtoField.uint8("csp.event.boots", "Boots, modulo 256", base.DEC),
    event_a = ProtoField.int32("csp.event.a", "a", base.DEC),
    event_b = ProtoField.int32("csp.event.b", "b", base.DEC),
    time_kind = ProtoField.uint8("csp.time.kind", "Kind", base.DEC, KINDS),
    time_tag = ProtoField.uint8("csp.time.tag", "Tag", base.DEC),
    time_synchronised = ProtoField.bool("csp.time.synchronised", "Synchronised", 8, nil, 0x01),
    time_steps = ProtoField.uint8("csp.time.steps", "Corrections, modulo 256", base.DEC),
    time_s = ProtoField.uint32("csp.time.s", "Time", base.UNIT_STRING, { " s" }),
    time_us = ProtoField.uint32("csp.time.us", "and", base.UNIT_STRING, { " us" }),
    time_held = ProtoField.uint16("csp.time.held", "Held", base.UNIT_STRING, { " us" }),
    slot = ProtoField.uint8("csp.command.slot", "Key slot (255: unsigned)", base.DEC),
    sequence = ProtoField.uint32("csp.command.sequence", "Sequence", base.DEC),
    mac = ProtoField.bytes("csp.command.mac", "MAC"),
    opcode = ProtoField.uint8("csp.command.opcode", "Opcode", base.HEX),
    name = ProtoField.string("csp.command.name", "Command"),
    arguments = ProtoField.bytes("csp.command.arguments", "Arguments"),
    status = ProtoField.uint8("csp.command.status", "Status", base.DEC, STATUSES),
    answer = ProtoField.bytes("csp.command.data", "Data, or reason and detail"),
}

-- Numbers one after the other: { field, bytes } each.
local function show_fields(tree, data, fields)
    local at = 0
    for _, field in ipairs(fields) do
        tree:add(field[1], data(at, field[2]))
        at = at + field[2]
    end
end

local function show_heartbeat(tree, data)
    if data:len() == 4 then
        tree:add(P.mode, data(0, 1), data(0, 1):bitfield(4, 4))
        tree:add(P.cause, data(0, 1), data(0, 1):bitfield(0, 4))
        tree:add(P.boots, data(1, 1))
        tree:add(P.dictionary, data(2, 2))
    end
end

local function show_event(tree, data, packet)
    if data:len() == 18 then
        show_fields(tree, data, { { P.event_sequence, 4 }, { P.event_mission, 4 }, { P.event_number, 1 },
            { P.event_boots, 1 }, { P.event_a, 4 }, { P.event_b, 4 } })
        local name = (names.roles[packet.src] or names.events)[data(8, 1):uint()]
        if name then
            tree:add(P.event_name, data(8, 1), name):set_generated()
        end
        return name
    end
end

local function show_time(tree, data)
    if data:len() == 14 then
        show_fields(tree, data, { { P.time_kind, 1 }, { P.time_tag, 1 }, { P.time_synchronised, 1 },
            { P.time_steps, 1 }, { P.time_s, 4 }, { P.time_us, 4 }, { P.time_held, 2 } })
        return KINDS[data(0, 1):uint()]
    end
end

local function rest(tree, field, data, at)
    if data:len() > at then
        tree:add(field, data(at, data:len() - at))
    end
end

local function show_opcode(tree, data)
    local name = names.commands[data:uint()]
    tree:add(P.opcode, data)
    if name then
        tree:add(P.name, data, name):set_generated()
    end
    return name
end

local function show_command(tree, data, packet)
    if packet.sport <= COMMAND_LAST_PORT and packet.dport > COMMAND_LAST_PORT then
        if data:len() < 6 then
            return nil
        end
        local name = show_opcode(tree, data(0, 1))
        tree:add(P.sequence, data(1, 4))
        tree:add(P.status, data(5, 1))
        rest(tree, P.answer, data, 6)
        return (name or "") .. " " .. (STATUSES[data(5, 1):uint()] or "")
    end
    local is_unsigned = data(0, 1):uint() == UNSIGNED
    local at = is_unsigned and 5 or 21
    if data:len() <= at then
        return nil
    end
    tree:add(P.slot, data(0, 1))
    tree:add(P.sequence, data(1, 4))
    if not is_unsigned then
        tree:add(P.mac, data(5, 16))
    end
    local name = show_opcode(tree, data(at, 1))
    rest(tree, P.arguments, data, at + 1)
    return name
end

local shows = { heartbeat = show_heartbeat, event = show_event, time = show_time, command = show_command }

-- show(tree, packet, data, port): its fields; returns a word or two for the packet list, or nil.
local function show(tree, packet, data, port)
    local take = shows[names.ports[port]]
    return take and take(tree, data, packet)
end

return { names = names, fields = P, show = show }
