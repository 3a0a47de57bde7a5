-- CubeSat Space Protocol on CAN for Wireshark and tshark: CFP1 (CSP v1) and CFP2 (CSP v2), libcsp's csp_if_can.c.
--
--   wireshark -X lua_script:host_tools/wireshark/dragonet_csp.lua, then Decode As: CAN next level dissector, CSPCFP
--   tshark -X lua_script:host_tools/wireshark/dragonet_csp.lua -d can.subdissector,cspcfp -r bus.pcapng -Y csp
--
-- CFP1 identifier  src 5@24 | dst 5@19 | type 1@18 (0 BEGIN, 1 MORE) | remain 8@10 | id 10@0
--      BEGIN       header 4, length 2 (trailers included), up to 2 bytes; MORE: up to 8 bytes
-- CFP2 identifier  pri 2@27 | dst 14@13 | sender 6@7 | sc 2@5 | fc 3@2 | begin 1@1 | end 1@0
--      begin       src 14, dport 6, sport 6, flags 6, up to 4 bytes; then 8 bytes each
--
-- A packet is shown with its last frame, by csp_packet.lua; `csp && !csp.copy` leaves out what came by another bus before.
-- A bus speaks one version: the first frame that fits only one of them tells which, unless the preference does
-- (-o cspcfp.version:1).

local folder = debug.getinfo(1, "S").source:gsub("^@", ""):match("^(.*)[/\\]") or "."
local packet = dofile(folder .. "/csp_packet.lua")
local bits = packet.bits
local cfp = Proto("cspcfp", "CSP's CAN fragmentation protocol")
local PRIORITIES = { [0] = "critical", "high", "normal", "low" }
local EXPIRE_S = 1.0 -- without another fragment
local COPY_S = 0.5 -- the same packet by another bus

cfp.prefs.version = Pref.enum("CSP version", 0, "Which protocol the bus speaks", {
    { 1, "1", 1 }, { 2, "2", 2 }, { 3, "auto", 0 },
}, false)

local F = {
    cfp_src = ProtoField.uint8("cspcfp.src", "Source", base.DEC),
    cfp_dst = ProtoField.uint16("cspcfp.dst", "Next hop or destination", base.DEC),
    cfp_more = ProtoField.bool("cspcfp.more", "More (not the first)"),
    cfp_remain = ProtoField.uint8("cspcfp.remain", "Frames that follow", base.DEC),
    cfp_id = ProtoField.uint16("cspcfp.id", "Packet counter", base.DEC),
    cfp_pri = ProtoField.uint8("cspcfp.pri", "Priority", base.DEC, PRIORITIES),
    cfp_sender = ProtoField.uint8("cspcfp.sender", "Sender (low 6 bits)", base.DEC),
    cfp_fc = ProtoField.uint8("cspcfp.fc", "Fragment counter", base.DEC),
    cfp_begin = ProtoField.bool("cspcfp.begin", "Begin"),
    cfp_end = ProtoField.bool("cspcfp.end", "End"),
    cfp_data = ProtoField.bytes("cspcfp.data", "Fragment"),
    cfp_in = ProtoField.framenum("cspcfp.reassembled_in", "Packet complete in frame", base.NONE),
}
cfp.fields = F
local cfp_stray = ProtoExpert.new("cspcfp.stray", "Fragment of a packet whose beginning is missing",
    expert.group.SEQUENCE, expert.severity.WARN)
local cfp_twice = ProtoExpert.new("cspcfp.duplicate", "Fragment seen before", expert.group.SEQUENCE, expert.severity.NOTE)
local cfp_wrong = ProtoExpert.new("cspcfp.malformed", "Not a fragment of CSP", expert.group.MALFORMED, expert.severity.WARN)
cfp.experts = { cfp_stray, cfp_twice, cfp_wrong }

local can_id = Field.new("can.id")
local can_extended = Field.new("can.flags.xtd")
local can_remote = Field.new("can.flags.rtr")
local interface_id = Field.new("frame.interface_id")

-- Reassembly: by what was seen first; a second look at a frame gets what the first one found.

local partials, seen, versions, recent

function cfp.init()
    partials, seen, versions, recent = {}, {}, {}, {}
end

local function looks_like(version, id, bytes)
    if version == 1 then
        local length = bytes:len() >= 6 and bytes:get_index(4) * 256 + bytes:get_index(5)
        return length and bits(id, 18, 1) == 0 and bits(id, 10, 8) == math.floor((length + 5) / 8)
            and bytes:len() == 6 + math.min(length, 2) and bits(bytes:get_index(0), 1, 5) == bits(id, 24, 5)
    end
    return bits(id, 1, 1) == 1 and bits(id, 2, 3) == 0 and bytes:len() >= 4
        and bits(bytes:get_index(1), 2, 6) == bits(id, 7, 6)
end

-- Each bus has one version: the first frame that fits only one of them tells.
local function version_of(bus, id, bytes)
    if cfp.prefs.version ~= 0 then
        return cfp.prefs.version
    end
    if not versions[bus] then
        local one, two = looks_like(1, id, bytes), looks_like(2, id, bytes)
        if one ~= two then
            versions[bus] = one and 1 or 2
        end
    end
    return versions[bus] or 2
end

local function piece(bytes, from)
    return from < bytes:len() and bytes:subset(from, bytes:len() - from) or ByteArray.new()
end

-- Puts a fragment into its place; the whole packet's bytes, or nil and what was wrong with it.
local function place(key, partial, index, fragment, number)
    if partial.pieces[index] then
        return nil, cfp_twice
    end
    partial.pieces[index] = fragment
    partial.frames[#partial.frames + 1] = number
    while partial.pieces[partial.next] do
        partial.next = partial.next + 1
    end
    if not partial.last or partial.next <= partial.last then
        return nil
    end
    local whole = partial.head
    for k = 0, partial.last do
        whole = whole .. partial.pieces[k]
    end
    partials[key] = nil
    return { bytes = whole, frames = #partial.frames, numbers = partial.frames }
end

local function open(key, head, last, now)
    local partial = { head = head, pieces = {}, next = 0, last = last, frames = {}, since = now }
    partials[key] = partial
    return partial
end

local function find(key, now)
    local partial = partials[key]
    if partial and now - partial.since > EXPIRE_S then
        partials[key] = nil
        return nil
    end
    if partial then
        partial.since = now
    end
    return partial
end

local function take_v1(bus, id, bytes, now, number)
    local key = string.format("1/%s/%d/%d", bus, bits(id, 19, 10), bits(id, 0, 10))
    local remain = bits(id, 10, 8)
    if bits(id, 18, 1) == 0 then
        if not looks_like(1, id, bytes) then
            return nil, cfp_wrong
        end
        return place(key, open(key, bytes:subset(0, 4), remain, now), 0, piece(bytes, 6), number)
    end
    local partial = find(key, now)
    if not partial or remain >= partial.last then
        return nil, cfp_stray
    end
    return place(key, partial, partial.last - remain, bytes, number)
end

local function take_v2(bus, id, bytes, now, number)
    local key = string.format("2/%s/%d", bus, math.floor(id / 32))
    local fc, is_end = bits(id, 2, 3), bits(id, 0, 1) == 1
    if bits(id, 1, 1) == 1 then
        if fc ~= 0 or bytes:len() < 4 then
            return nil, cfp_wrong
        end
        local head = ByteArray.new(string.format("%04X", bits(id, 27, 2) * 16384 + bits(id, 13, 14))) .. bytes:subset(0, 4)
        return place(key, open(key, head, is_end and 0 or nil, now), 0, piece(bytes, 4), number)
    end
    local partial = find(key, now)
    if not partial then
        return nil, cfp_stray
    end
    local ahead = (fc - partial.next) % 8 -- the nearest place with this counter: three ahead to four back
    local index = partial.next + (ahead < 4 and ahead or ahead - 8)
    if index < 1 then
        return nil, cfp_stray
    end
    if is_end then
        partial.last = index
    end
    return place(key, partial, index, bytes, number)
end

-- The frame in which this packet ended on another bus, if it is a copy; twice on one bus is two packets.
local function copy_of(whole, bus, now, number)
    local key = tostring(whole.bytes)
    local first = recent[key]
    if first and now - first.at < COPY_S and not first.buses[bus] then
        first.buses[bus] = true
        return first.number
    end
    recent[key] = { at = now, number = number, buses = { [bus] = true } }
end

local function show_fragment(tree, tvb, id, version)
    local sub = tree:add(cfp, tvb(), "CFP" .. version)
    local function field(which, at, count)
        local value = bits(id, at, count)
        local is_flag = which == F.cfp_more or which == F.cfp_begin or which == F.cfp_end
        sub:add(which, tvb(0, 0), is_flag and value == 1 or not is_flag and value):set_generated()
    end
    if version == 1 then
        field(F.cfp_src, 24, 5)
        field(F.cfp_dst, 19, 5)
        field(F.cfp_more, 18, 1)
        field(F.cfp_remain, 10, 8)
        field(F.cfp_id, 0, 10)
    else
        field(F.cfp_pri, 27, 2)
        field(F.cfp_dst, 13, 14)
        field(F.cfp_sender, 7, 6)
        field(F.cfp_fc, 2, 3)
        field(F.cfp_begin, 1, 1)
        field(F.cfp_end, 0, 1)
    end
    sub:add(F.cfp_data, tvb())
    return sub
end

function cfp.dissector(tvb, pinfo, tree)
    local extended, remote = can_extended(), can_remote()
    if not extended or not extended.value or (remote and remote.value) then
        return 0
    end
    local id = can_id().value
    local bus = interface_id() and tostring(interface_id().value) or "0"
    local look = seen[pinfo.number]
    if not look then
        local bytes = tvb:bytes()
        local version = version_of(bus, id, bytes)
        local take = version == 1 and take_v1 or take_v2
        local now = pinfo.abs_ts
        local whole, wrong = take(bus, id, bytes, now, pinfo.number)
        look = { version = version, whole = whole, wrong = wrong }
        seen[pinfo.number] = look
        if whole then
            whole.copy = copy_of(whole, bus, now, pinfo.number)
        end
        for _, number in ipairs(whole and whole.numbers or {}) do
            seen[number].complete_in = pinfo.number
        end
    end
    local name = "CFP" .. look.version
    pinfo.cols.protocol = name
    if look.version == 1 then
        pinfo.cols.info = string.format("%s from %s, %d follow", name, packet.node(bits(id, 24, 5), 1), bits(id, 10, 8))
    else
        pinfo.cols.info = string.format("%s from %s, counter %d", name, packet.node(bits(id, 7, 6), 2), bits(id, 2, 3))
    end
    local sub = show_fragment(tree, tvb, id, look.version)
    if look.complete_in then
        sub:add(F.cfp_in, look.complete_in):set_generated()
    end
    if look.wrong then
        sub:add_proto_expert_info(look.wrong)
    end
    if look.whole then
        packet.show(look.whole, look.version, pinfo, tree)
    end
    return tvb:len()
end

DissectorTable.get("can.subdissector"):add_for_decode_as(cfp)
