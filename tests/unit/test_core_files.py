# Files of a board: upload in any order and through resets, download, names, room; what is not whole is not believed.
import os
import csp  # noqa: F401  (first: a 32-bit port nests imports no deeper)
import unittest

from core import event_table, files, layout, upload
from core.command_table import ACCEPTED, ARGUMENT, BUSY, COMPLETED, CONTENT, FAILED, NO_ROOM, NOT_FOUND, REFUSED, STATE
from file_world import INSIDE, ROOT, World, content, remove, status


class Upload(unittest.TestCase):
    def setUp(self):
        remove()
        os.mkdir(ROOT)
        self.world = World()

    def tearDown(self):
        remove()

    def test_a_file_sent_in_order_is_there_under_its_name(self):
        data = content(10_000)
        self.assertEqual(self.world.put("pass.bin", data)[0], COMPLETED)
        with open(ROOT + "/files/pass.bin", "rb") as file:
            self.assertEqual(file.read(), data)
        self.assertEqual(os.listdir(ROOT + "/files"), ["pass.bin"])
        self.assertIn((event_table.FILE_RECEIVED, 10_000, 1), self.world.board.told)

    def test_blocks_may_come_in_any_order_and_twice(self):
        data = content(40 * 185)
        session = self.world.open("a", data)[0]
        for index in range(39, -1, -1):
            self.world.send(session, index, data)
            self.world.send(session, index, data)
        self.assertEqual(self.world.files.upload.repeated, 40)
        self.assertEqual(self.world.ask("file_close")[-1][0], COMPLETED)
        self.assertEqual(self.world.get("a"), data)

    def test_the_status_tells_which_blocks_are_here(self):
        data = content(60 * 185 - 1)
        session = self.world.open("a", data)[0]
        for index in (0, 1, 2, 5, 47, 48, 59):  # the last two are beyond the window
            self.world.send(session, index, data)
        self.assertEqual(status(self.world.ask("file_status")[0]), (session, upload.RECEIVING, 0, 1 << 47 | 0b100111))
        self.assertEqual(self.world.files.upload.outside, 2)
        for index in range(16):
            self.world.send(session, index, data)
        self.assertEqual(status(self.world.ask("file_status")[0])[2:], (16, 1 << 31))

    def test_a_block_is_answered_only_when_a_reply_is_asked_for(self):
        data = content(500)
        session = self.world.open("a", data)[0]
        self.assertEqual(self.world.send(session, 0, data), [])
        self.assertEqual(status(self.world.send(session, 1, data, sport=20)[0])[3], 3)

    def test_an_upload_goes_on_after_any_reset_where_it_was(self):
        data = content(100 * 185 + 7)
        self.world.open("a", data)
        for index in range(101):
            session, state, _, _ = self.world.open("a", data)
            self.assertEqual((session, state), (1, upload.RECEIVING))
            self.world.send(session, index, data)
            self.world.boot()
        self.assertEqual(self.world.ask("file_close")[-1][0], COMPLETED)
        self.assertEqual(self.world.get("a"), data)

    def test_another_file_ends_the_one_before(self):
        first, second = content(5_000, 1), content(5_000, 2)
        session = self.world.open("a", first)[0]
        for index in range(20):
            self.world.send(session, index, first)
        self.assertEqual(self.world.open("a", second), (session + 1, upload.RECEIVING, 0, 0))
        self.assertEqual(self.world.send(session, 20, first, sport=20)[0], (REFUSED, bytes((STATE, 0))))
        self.assertEqual(self.world.put("a", second)[0], COMPLETED)
        self.assertEqual(self.world.get("a"), second)

    def test_a_truncated_upload_is_never_believed(self):
        data = content(5_000)
        session = self.world.open("a", data)[0]
        for index in range(27):  # one is missing
            self.world.send(session, index, data)
        self.assertEqual(self.world.ask("file_close"), [(REFUSED, bytes((STATE, 0)))])
        self.assertEqual(self.world.ask("file_list", 0, 0), [(COMPLETED, b"\0\0")])
        with self.assertRaises(AssertionError):
            status(self.world.ask("file_hash", ".upload")[-1])

    def test_a_file_of_another_content_is_thrown_away(self):
        data = content(5_000)
        session = self.world.open("a", data)[0]
        wrong = content(5_000, 2)
        for index in range(28):
            self.world.send(session, index, wrong)
        self.assertEqual(self.world.ask("file_close")[-1], (FAILED, bytes((CONTENT, 0))))
        self.assertEqual(os.listdir(ROOT + "/files"), [])
        self.assertEqual(self.world.put("a", data)[0], COMPLETED)

    def test_a_block_of_a_wrong_length_is_refused(self):
        data = content(500)
        session = self.world.open("a", data)[0]
        for index, size in ((0, 184), (2, 131), (2, 129), (3, 1)):
            reply = self.world.ask("file_block", session, index, bytes(size))
            self.assertEqual(reply[0][0], REFUSED)
        self.assertEqual(status(self.world.ask("file_status")[0])[3], 0)

    def test_a_file_that_is_there_already_is_not_sent_again(self):
        data = content(3_000)
        self.world.put("a", data)
        self.world.boot()
        self.assertEqual(self.world.open("a", data)[1], upload.DONE)
        self.assertEqual(self.world.ask("file_close")[-1][0], COMPLETED)
        self.assertEqual(self.world.open("b", data)[1], upload.RECEIVING)

    def test_the_old_file_stays_until_the_new_one_is_whole(self):
        old, new = content(3_000, 1), content(4_000, 2)
        self.world.put("a", old)
        session = self.world.open("a", new)[0]
        for index in range(10):
            self.world.send(session, index, new)
        self.assertEqual(self.world.get("a"), old)
        self.world.put("a", new)
        self.assertEqual(self.world.get("a"), new)

    def test_a_slot_that_was_spoiled_is_asked_for_again(self):
        data = content(16 * 185)
        session = self.world.open("a", data)[0]
        for index in range(15):
            self.world.send(session, index, data)
        self.world.cells.cells[layout.region("window")[0] + 3 * 192 + 50] ^= 4
        self.world.send(session, 15, data)
        self.assertEqual(status(self.world.ask("file_status")[0])[2:], (3, 0x1FFE))
        self.world.send(session, 3, data)
        self.assertEqual(self.world.ask("file_close")[-1][0], COMPLETED)

    def test_without_fram_the_window_is_small_and_the_file_arrives(self):
        world = World(dead=True)
        data = content(3_000)
        session = world.open("a", data)[0]
        world.send(session, 5, data)
        self.assertEqual(world.files.upload.outside, 1)
        self.assertEqual(world.put("a", data)[0], COMPLETED)
        self.assertEqual(world.get("a"), data)

    def test_a_memory_that_fails_later_refuses_the_block(self):
        data = content(3_000)
        session = self.world.open("a", data)[0]
        self.world.cells.failures = 1
        self.assertEqual(self.world.send(session, 0, data, sport=20)[0][0], REFUSED)
        self.world.send(session, 0, data)
        self.assertEqual(status(self.world.ask("file_status")[0])[3], 1)

    def test_nothing_is_written_while_the_radio_transmits(self):
        data = content(60 * 185)
        session = self.world.open("a", data)[0]
        self.world.board.transmitting = True
        for index in range(48):
            self.world.send(session, index, data)
        self.assertEqual(status(self.world.ask("file_status")[0])[2:], (0, (1 << 48) - 1))
        self.assertEqual(os.listdir(ROOT + "/files"), [])
        self.world.board.transmitting = False
        self.world.work()
        self.assertEqual(status(self.world.ask("file_status")[0])[2:], (48, 0))


class Room(unittest.TestCase):
    def setUp(self):
        remove()
        os.mkdir(ROOT)
        self.world = World()
        self.real = files.space

    def tearDown(self):
        files.space = self.real
        remove()

    def test_a_full_flash_is_refused_before_anything_is_written(self):
        data = content(20_000)
        files.space = lambda folder: (20_000 + 32_768 + 12 * 16_384, 500_000)
        reply = self.world.ask("file_open", len(data), bytes(32) + b"a")
        self.assertEqual(reply, [(REFUSED, bytes((NO_ROOM, 0)))])
        self.assertEqual(os.listdir(ROOT), [])
        files.space = lambda folder: (20_000 + 80 + 32_768 + 13 * 16_384, 500_000)
        self.assertEqual(self.world.put("a", data)[0], COMPLETED)

    def test_the_number_of_files_is_bounded(self):
        os.mkdir(ROOT + "/files")
        for k in range(files.FILES_LAST):
            with open(ROOT + "/files/%02d" % k, "wb") as file:
                file.write(b"x")
        self.assertEqual(self.world.ask("file_open", 1, bytes(32) + b"a")[0], (REFUSED, bytes((NO_ROOM, 0))))
        self.assertEqual(self.world.put("07", b"new")[0], COMPLETED)


class Names(unittest.TestCase):
    def setUp(self):
        remove()
        os.mkdir(ROOT)
        self.world = World()

    def tearDown(self):
        remove()

    def test_a_name_is_letters_digits_and_a_few_signs(self):
        for name in ("a", "a.b-c_D9", "x" * 32, "a..b"):
            self.assertTrue(files.is_name(name))
        for name in ("", ".", "..", ".upload", "../keys.bin", "a/b", "/a", "a b", "a\0", "x" * 33, "\u00e9", "a\n"):
            self.assertFalse(files.is_name(name))

    def test_no_command_leaves_the_folders(self):
        with open(ROOT + "/secret", "wb") as file:
            file.write(b"key")
        for name in ("../secret", "log/../secret", "/secret", "log/", "log//secret", ".upload", "log/.x"):
            for reply in (
                self.world.ask("file_open", 3, bytes(32) + name.encode()),
                self.world.ask("file_get", 5, 0, bytes(8) + name.encode()),
                self.world.ask("file_hash", name),
                self.world.ask("file_delete", name),
            ):
                self.assertEqual((reply[0][0], reply[0][1][0]), (REFUSED, ARGUMENT), name)
        self.assertEqual(self.world.ask("file_open", 3, bytes(32) + b"log/a")[0][0], REFUSED)
        self.assertEqual(os.listdir(ROOT), ["secret"])

    def test_a_list_tells_names_and_sizes_in_as_many_packets_as_it_takes(self):
        os.mkdir(ROOT + "/files")
        names = ["file-%02d-of-some-length" % k for k in range(20)]
        for k, name in enumerate(names):
            with open(ROOT + "/files/" + name, "wb") as file:
                file.write(bytes(k))
        found = []
        while len(found) < 20:
            code, data = self.world.ask("file_list", 0, len(found))[0]
            self.assertEqual((code, data[:2]), (COMPLETED, b"\x00\x14"))
            self.assertTrue(len(data) <= 204)
            at = 2
            while at < len(data):
                length = data[at + 4]
                found.append((data[at + 5 : at + 5 + length].decode(), data[at + 3]))
                at += 5 + length
        self.assertEqual(found, [(name, k) for k, name in enumerate(names)])

    def test_what_is_not_there_is_not_found(self):
        for reply in (
            self.world.ask("file_get", 5, 0, bytes(8) + b"a"),
            self.world.ask("file_hash", "a"),
            self.world.ask("file_delete", "log/00000000"),
        ):
            self.assertEqual(reply, [(REFUSED, bytes((NOT_FOUND, 0)))])

    def test_a_deleted_file_is_gone(self):
        self.world.put("a", b"some bytes")
        self.assertEqual(self.world.ask("file_delete", "a")[-1], (COMPLETED, b""))
        self.assertEqual(self.world.ask("file_list", 0, 0), [(COMPLETED, b"\0\0")])


class Download(unittest.TestCase):
    def setUp(self):
        remove()
        os.mkdir(ROOT)
        self.world = World()
        self.data = content(10_000)
        self.world.put("a", self.data)

    def tearDown(self):
        remove()

    def test_the_named_blocks_come_and_then_the_size(self):
        replies = self.world.ask("file_get", 5, 40, b"\x01\x02" + bytes(6) + b"a")
        blocks = [data for code, data in replies if code == ACCEPTED and data]
        self.assertEqual([block[:2] for block in blocks], [b"\x00\x28", b"\x00\x31"])
        self.assertEqual([block[2:] for block in blocks], [self.data[40 * 202 : 41 * 202], self.data[49 * 202 :]])
        self.assertEqual(replies[-1], (COMPLETED, b"\x00\x00\x27\x10"))

    def test_a_block_fits_the_largest_payload_of_a_radio_frame(self):
        self.world.ask("file_get", 5, 0, b"\x01" + bytes(7) + b"a")
        self.assertEqual([len(sent[3]) + 6 + 4 for sent in self.world.wire.sent], [16, 220, 20])

    def test_blocks_beyond_the_end_are_not_sent(self):
        self.assertEqual(len(self.world.ask("file_get", 5, 50, b"\xff" * 8 + b"a")), 2)
        self.assertEqual(len(self.world.ask("file_get", 5, 0xFFFF, b"\xff" * 8 + b"a")), 2)

    def test_who_asks_anew_has_given_up_what_was(self):
        self.world.ask("file_get", 1000, 0, b"\xff" * 8 + b"a")
        replies = self.world.ask("file_get", 5, 0, b"\x01" + bytes(7) + b"a")
        self.assertEqual([code for code, _ in replies], [COMPLETED, ACCEPTED, ACCEPTED, COMPLETED])

    def test_another_one_waits_his_turn(self):
        self.world.ask("file_get", 1000, 0, b"\xff" * 8 + b"a", src=INSIDE)
        self.assertEqual(self.world.ask("file_get", 5, 0, bytes(8) + b"a", src=1)[0], (REFUSED, bytes((BUSY, 0))))

    def test_a_bus_without_room_ends_it(self):
        self.world.wire.send = lambda packet, via=-1: False
        self.world.ask("file_get", 5, 0, b"\xff" * 8 + b"a")
        self.world.work()
        self.assertEqual(self.world.files.download.sent, 0)
        self.assertIsNone(self.world.files.step())

    def test_the_hash_is_that_of_the_file(self):
        from hashlib import sha256

        reply = self.world.ask("file_hash", "a")[-1]
        self.assertEqual(reply, (COMPLETED, b"\x00\x00\x27\x10" + sha256(self.data).digest()))
