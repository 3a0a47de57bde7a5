-- A packet of CubeSat Space Protocol for Wireshark: header, trailers, CRC, services. Loaded by dragonet_csp.lua.
--
--  v1, 4 bytes   pri 2 | src 5 | dst 5 | dport 6 | sport 6 | flags 8
--  v2, 6 bytes   pri 2 | dst 14 | src 14 | dport 6 | sport 6 | flags 6
--  flags         0x10 FRAG (SFP)  0x08 HMAC  0x04 XTEA  0x02 RDP  0x01 CRC32
--  trailers      data | SFP 8 | RDP 5 | HMAC 4 | CRC 4
--
-- What the boards say on ports of their own: csp_board.lua.

local csp = Proto("csp", "CubeSat Space Protocol")

local folder = debug.getinfo(1, "S").source:gsub("^@", ""):match("^(.*)[/\\]") or "."
local board = dofile(folder .. "/csp_board.lua")
local NAMES = board.names
local SERVICES = { [0] = "cmp", "ping", "ps", "memfree", "reboot", "buf_free", "uptime" }
local CMP_CODES = { "ident", "route_set_v1", "if_stats", "peek", "poke", "clock", "route_set_v2" }
local IF_STATS = { "tx", "rx", "tx_error", "rx_error", "drop", "autherr", "frame", "txbytes", "rxbytes", "irq" }
local IDENT = { { "hostname", 20 }, { "model", 30 }, { "revision", 20 }, { "date", 12 }, { "time", 9 } }
local PRIORITIES = { [0] = "critical", "high", "normal", "low" }
local BROADCAST = { 31, 16383 }
local LAST_SERVER_PORT = 16

local P = {
    version = ProtoField.uint8("csp.version", "Version", base.DEC),
    pri = ProtoField.uint8("csp.pri", "Priority", base.DEC, PRIORITIES),
    src = ProtoField.uint16("csp.src", "Source", base.DEC),
    dst = ProtoField.uint16("csp.dst", "Destination", base.DEC),
    dport = ProtoField.uint8("csp.dport", "Destination port", base.DEC),
    sport = ProtoField.uint8("csp.sport", "Source port", base.DEC),
    flags = ProtoField.uint8("csp.flags", "Flags", base.HEX),
    flag_sfp = ProtoField.bool("csp.flags.sfp", "SFP (fragmented)", 8, nil, 0x10),
    flag_hmac = ProtoField.bool("csp.flags.hmac", "HMAC", 8, nil, 0x08),
    flag_xtea = ProtoField.bool("csp.flags.xtea", "XTEA", 8, nil, 0x04),
    flag_rdp = ProtoField.bool("csp.flags.rdp", "RDP", 8, nil, 0x02),
    flag_crc = ProtoField.bool("csp.flags.crc", "CRC-32C", 8, nil, 0x01),
    service = ProtoField.string("csp.service", "Service"),
    length = ProtoField.uint16("csp.length", "Length of data", base.UNIT_STRING, { " byte", " bytes" }),
    frames = ProtoField.uint8("csp.frames", "CAN frames", base.DEC),
    data = ProtoField.bytes("csp.data", "Data"),
    crc = ProtoField.uint32("csp.crc", "CRC-32C", base.HEX),
    crc_ok = ProtoField.bool("csp.crc.ok", "CRC is right"),
    crc_over = ProtoField.string("csp.crc.over", "CRC over"),
    hmac = ProtoField.bytes("csp.hmac", "HMAC"),
    rdp_flags = ProtoField.uint8("csp.rdp.flags", "RDP flags", base.HEX),
    rdp_seq = ProtoField.uint16("csp.rdp.seq", "RDP sequence", base.DEC),
    rdp_ack = ProtoField.uint16("csp.rdp.ack", "RDP acknowledgement", base.DEC),
    sfp_offset = ProtoField.uint32("csp.sfp.offset", "SFP offset", base.DEC),
    sfp_total = ProtoField.uint32("csp.sfp.total", "SFP total size", base.DEC),
    cmp_type = ProtoField.uint8("csp.cmp.type", "CMP type", base.HEX, { [0] = "request", [0xFF] = "reply" }),
    cmp_code = ProtoField.uint8("csp.cmp.code", "CMP code", base.DEC, CMP_CODES),
    interface = ProtoField.string("csp.cmp.interface", "Interface"),
    seconds = ProtoField.uint32("csp.cmp.clock.sec", "Seconds", base.DEC),
    nanos = ProtoField.uint32("csp.cmp.clock.nsec", "Nanoseconds", base.DEC),
    number = ProtoField.uint32("csp.number", "Number", base.DEC),
    text = ProtoField.string("csp.text", "Text"),
    copy = ProtoField.framenum("csp.copy", "Came by another bus already, in frame", base.NONE),
}
for _, field in ipairs(IDENT) do
    P["ident_" .. field[1]] = ProtoField.string("csp.cmp.ident." .. field[1], field[1])
end
for _, name in ipairs(IF_STATS) do
    P["stats_" .. name] = ProtoField.uint32("csp.cmp.if_stats." .. name, name, base.DEC)
end
for name, field in pairs(board.fields) do
    P["board_" .. name] = field
end
csp.fields = P
local crc_bad = ProtoExpert.new("csp.crc.bad", "CRC is wrong", expert.group.CHECKSUM, expert.severity.ERROR)
local too_short = ProtoExpert.new("csp.short", "Shorter than its trailers", expert.group.MALFORMED, expert.severity.ERROR)
csp.experts = { crc_bad, too_short }

-- CRC-32C: reflected polynomial 0x82F63B78

local bxor = bit and bit.bxor or bit32 and bit32.bxor or load("return function(a, b) return a ~ b end")()

local CRC = {}
for byte = 0, 255 do
    local value = byte
    for _ = 1, 8 do
        local half = math.floor(value / 2)
        value = value % 2 == 1 and bxor(half, 0x82F63B78) % 0x100000000 or half
    end
    CRC[byte] = value
end

local function crc32c(bytes, first, last)
    local register = 0xFFFFFFFF
    for k = first, last do
        local entry = CRC[bxor(register % 256, bytes:get_index(k)) % 256]
        register = bxor(entry, math.floor(register / 256)) % 0x100000000
    end
    return bxor(register, 0xFFFFFFFF) % 0x100000000
end

local function bits(value, at, count)
    return math.floor(value / 2 ^ at) % 2 ^ count
end

local function node(address, version)
    return address == BROADCAST[version] and "all" or NAMES.nodes[address] or tostring(address)
end

local function service(packet, data)
    local is_reply = packet.sport <= LAST_SERVER_PORT and packet.dport > LAST_SERVER_PORT
    local port = is_reply and packet.sport or packet.dport
    local name = SERVICES[port] or NAMES.ports[port] or "port " .. port
    if port == 0 and data and data:len() >= 2 then
        name = name .. " " .. (CMP_CODES[data(1, 1):uint()] or data(1, 1):uint())
    end
    return is_reply and name .. " reply" or name, port, is_reply
end

local function show_cmp(tree, data)
    tree:add(P.cmp_type, data(0, 1))
    tree:add(P.cmp_code, data(1, 1))
    local code, size = data(1, 1):uint(), data:len()
    if code == 1 and size == 93 and data(0, 1):uint() == 0xFF then
        local at = 2
        for _, field in ipairs(IDENT) do
            tree:add(P["ident_" .. field[1]], data(at, field[2]), data(at, field[2]):stringz())
            at = at + field[2]
        end
    elseif code == 3 and size >= 13 then
        tree:add(P.interface, data(2, 11), data(2, 11):stringz())
        for k, name in ipairs(IF_STATS) do
            if size == 53 and data(0, 1):uint() == 0xFF then
                tree:add(P["stats_" .. name], data(9 + 4 * k, 4))
            end
        end
    elseif code == 6 and size == 10 then
        tree:add(P.seconds, data(2, 4))
        tree:add(P.nanos, data(6, 4))
    end
end

local function show_data(tree, packet, data, port, is_reply)
    tree:add(P.data, data)
    local size = data:len()
    if port == 0 and size >= 2 then
        show_cmp(tree, data)
    elseif (port == 3 or port == 5 or port == 6) and is_reply and size == 4 then
        tree:add(P.number, data)
    elseif port == 2 and is_reply then
        tree:add(P.text, data)
    else
        return board.show(tree, packet, data, port)
    end
end

-- Trailers from the end; returns where the data ends.
local function show_trailers(tree, tvb, bytes, header, flags)
    local stop = tvb:len()
    local wanted = bits(flags, 0, 1) * 4 + bits(flags, 3, 1) * 4 + bits(flags, 1, 1) * 5 + bits(flags, 4, 1) * 8
    if stop - header < wanted then
        tree:add_proto_expert_info(too_short)
        return stop
    end
    if bits(flags, 0, 1) == 1 then
        stop = stop - 4
        local sum = tvb(stop, 4)
        local over = crc32c(bytes, header, stop - 1) == sum:uint() and "data"
            or crc32c(bytes, 0, stop - 1) == sum:uint() and "header and data"
        tree:add(P.crc, sum)
        tree:add(P.crc_ok, sum, over and true or false):set_generated()
        if over then
            tree:add(P.crc_over, sum, over):set_generated()
        else
            tree:add_proto_expert_info(crc_bad)
        end
    end
    if bits(flags, 3, 1) == 1 then
        stop = stop - 4
        tree:add(P.hmac, tvb(stop, 4))
    end
    if bits(flags, 1, 1) == 1 then
        stop = stop - 5
        tree:add(P.rdp_flags, tvb(stop, 1))
        tree:add(P.rdp_seq, tvb(stop + 1, 2))
        tree:add(P.rdp_ack, tvb(stop + 3, 2))
    end
    if bits(flags, 4, 1) == 1 then
        stop = stop - 8
        tree:add(P.sfp_offset, tvb(stop, 4))
        tree:add(P.sfp_total, tvb(stop + 4, 4))
    end
    return stop
end

-- whole.bytes: header of this version, data, trailers; whole.frames: how many CAN frames it came in; whole.copy: frame
-- in which the same packet ended on another bus.
local function show_packet(whole, version, pinfo, tree)
    local tvb = whole.bytes:tvb("CSP packet")
    local header = version == 2 and 6 or 4
    local at = version == 2 and { pri = { 0, 2 }, dst = { 2, 14 }, src = { 16, 14 }, dport = { 30, 6 }, sport = { 36, 6 },
        flags = { 42, 6 } } or { pri = { 0, 2 }, src = { 2, 5 }, dst = { 7, 5 }, dport = { 12, 6 }, sport = { 18, 6 },
        flags = { 24, 8 } }
    local packet = {}
    for name, where in pairs(at) do
        packet[name] = tvb(0, header):bitfield(where[1], where[2])
    end
    local sub = tree:add(csp, tvb())
    sub:add(P.version, tvb(0, header), version):set_generated()
    for _, name in ipairs({ "pri", "src", "dst", "dport", "sport", "flags" }) do
        local item = sub:add(P[name], tvb(0, header), packet[name])
        if name == "src" or name == "dst" then
            item:append_text(" (" .. node(packet[name], version) .. ")")
        elseif name == "flags" then
            for _, flag in ipairs({ "sfp", "hmac", "xtea", "rdp", "crc" }) do
                item:add(P["flag_" .. flag], tvb(header - 1, 1), packet.flags)
            end
        end
    end
    sub:add(P.frames, tvb(), whole.frames):set_generated()
    local stop = show_trailers(sub, tvb, whole.bytes, header, packet.flags)
    local data = stop > header and tvb(header, stop - header) or nil
    local name, port, is_reply = service(packet, data)
    local text = string.format("%s:%d > %s:%d %s, %d bytes", node(packet.src, version), packet.sport,
        node(packet.dst, version), packet.dport, name, stop - header)
    sub:add(P.service, tvb(0, header), name):set_generated()
    sub:add(P.length, tvb(0, header), stop - header):set_generated()
    if whole.copy then
        sub:add(P.copy, whole.copy):set_generated()
    end
    local more = data and show_data(sub, packet, data, port, is_reply)
    if more then
        text = text .. ", " .. more
    end
    sub:append_text(", " .. text)
    pinfo.cols.protocol = "CSP"
    pinfo.cols.info = text
end

return { show = show_packet, node = node, bits = bits }
