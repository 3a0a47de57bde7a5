"""Where the world's ships sail: lanes between ports, and seas where small craft work. Rough by intent: tens of km.

Longitudes may run beyond 180 so that a lane across the date line is one line.
"""

# Name, share of the lane traffic, waypoints (degrees north, degrees east).
LANES: tuple[tuple[str, float, tuple[tuple[float, float], ...]], ...] = (
    ("Singapore to Shanghai", 14, ((1.25, 104.2), (3.5, 105.5), (8.0, 108.9), (12.0, 111.0), (17.0, 113.0),
                                   (21.7, 114.8), (23.2, 118.2), (26.0, 120.9), (30.5, 123.0), (31.2, 122.6))),
    ("Vietnam's coast", 9, ((1.3, 104.5), (6.0, 106.2), (8.6, 107.3), (10.2, 107.3), (11.5, 109.4), (13.8, 109.6),
                            (16.3, 108.6), (18.4, 106.8), (20.5, 107.1))),
    ("Strait of Malacca", 9, ((6.0, 95.0), (5.8, 97.9), (3.2, 100.4), (1.9, 102.4), (1.2, 103.5), (1.25, 104.2))),
    ("East China Sea to Tokyo", 7, ((30.5, 123.4), (30.3, 129.9), (32.5, 133.6), (34.2, 138.4), (34.9, 139.7))),
    ("Shanghai to Busan", 5, ((31.0, 123.2), (33.0, 127.0), (34.3, 128.6), (34.9, 129.2))),
    ("Yellow Sea", 5, ((31.0, 122.8), (35.0, 121.5), (37.6, 123.0), (38.7, 119.5))),
    ("Malacca to Suez", 9, ((6.0, 95.0), (5.7, 80.6), (8.0, 72.0), (12.3, 52.0), (12.2, 44.5), (12.6, 43.3),
                            (20.0, 38.5), (27.4, 34.3), (29.6, 32.6))),
    ("Persian Gulf to India", 5, ((29.3, 49.4), (26.9, 52.0), (26.4, 56.6), (24.8, 58.5), (17.0, 66.0), (8.0, 75.5))),
    ("Suez to Gibraltar", 6, ((31.6, 32.4), (33.6, 27.0), (35.4, 18.0), (37.2, 11.3), (37.5, 6.5), (36.6, -0.5),
                              (36.0, -4.5), (35.95, -5.6))),
    ("Gibraltar to Rotterdam", 7, ((35.95, -5.8), (36.7, -9.3), (43.4, -10.0), (48.7, -5.9), (49.9, -2.5), (50.2, -0.8),
                                   (51.0, 1.5), (52.0, 3.6))),
    ("North Sea and Baltic", 5, ((52.0, 3.6), (54.3, 7.0), (57.7, 8.2), (57.9, 10.5), (56.3, 11.9), (54.7, 12.2),
                                 (55.0, 14.4), (57.5, 19.8), (59.6, 24.4))),
    ("North Atlantic", 4, ((49.0, -6.5), (48.5, -25.0), (43.0, -50.0), (40.5, -69.5), (40.4, -73.4))),
    ("New York to Panama", 4, ((40.2, -73.4), (35.0, -74.6), (25.0, -73.5), (20.0, -74.0), (15.0, -76.8),
                               (9.6, -79.8))),
    ("Gulf of Mexico", 3, ((24.2, -80.6), (24.2, -83.5), (28.4, -89.4), (28.9, -94.2))),
    ("Panama to San Francisco", 3, ((8.4, -79.5), (6.9, -81.6), (13.0, -93.5), (19.5, -106.8), (28.0, -116.5),
                                    (33.3, -119.5), (37.5, -123.2))),
    ("North Pacific", 3, ((37.5, 236.8), (46.0, 215.0), (49.5, 190.0), (46.0, 165.0), (39.0, 146.0), (35.0, 141.0))),
    ("Cape route", 3, ((-6.5, 104.5), (-20.0, 75.0), (-31.0, 42.0), (-35.4, 24.0), (-34.8, 17.3), (-15.0, -1.0),
                       (15.0, -19.0), (28.0, -19.0), (36.5, -10.0))),
    ("Brazil to the Cape", 2, ((-20.5, -39.3), (-24.0, -38.0), (-35.5, 10.0), (-35.5, 20.0))),
    ("Plate to Recife", 2, ((-35.3, -55.5), (-34.7, -53.0), (-24.4, -45.3), (-23.3, -42.0), (-15.0, -38.2),
                            (-8.0, -34.3))),
    ("Iron ore to Japan", 3, ((-20.0, 118.2), (-9.4, 115.7), (-8.4, 115.85), (-3.5, 118.0), (1.5, 119.7), (4.0, 122.5),
                              (4.9, 126.2), (12.0, 129.0), (25.0, 133.0), (34.0, 138.3))),
    ("Eastern Australia", 2, ((-38.6, 144.7), (-39.4, 146.5), (-37.8, 150.4), (-33.9, 151.6), (-27.0, 153.9))),
)  # fmt: skip

# Name, share of the small craft, middle (degrees north, east), spread km.
SEAS: tuple[tuple[str, float, float, float, float], ...] = (
    ("off southern Vietnam", 9, 9.6, 109.2, 90), ("Gulf of Tonkin", 8, 19.6, 107.8, 60),
    ("off Hong Kong", 7, 21.6, 114.0, 45), ("Taiwan Strait", 7, 24.4, 119.3, 40),
    ("East China Sea", 9, 28.8, 123.6, 80), ("Yellow Sea", 6, 36.0, 122.9, 60),
    ("Gulf of Thailand", 6, 10.0, 101.4, 70), ("Java Sea", 5, -5.2, 110.0, 70), ("off Tokyo", 4, 34.6, 139.4, 30),
    ("off Mumbai", 4, 18.6, 71.4, 60), ("Bay of Bengal", 3, 20.2, 90.3, 50), ("North Sea", 5, 55.0, 4.2, 90),
    ("English Channel", 5, 50.1, -1.2, 30), ("Gulf of Lion", 4, 42.2, 5.2, 50), ("Aegean Sea", 4, 37.9, 25.0, 40),
    ("Baltic Sea", 4, 56.2, 18.6, 50), ("Norway's coast", 3, 63.4, 6.2, 40), ("Bay of Biscay", 2, 45.6, -4.2, 60),
    ("off New England", 3, 41.2, -69.0, 60), ("Louisiana's shelf", 3, 28.4, -91.0, 60),
    ("off Peru", 3, -12.2, -79.0, 60), ("Gulf of Guinea", 2, 4.2, -2.5, 60),
    ("Patagonian shelf", 2, -45.5, -61.5, 90), ("Bass Strait", 1, -39.8, 145.6, 40),
)  # fmt: skip

# Flags: maritime identification digits (ITU) and share of the world's merchant ships.
FLAGS: tuple[tuple[int, float], ...] = (
    (352, 8), (370, 8), (636, 12), (538, 11), (477, 8), (563, 6), (248, 5), (412, 9), (311, 4), (574, 6), (431, 4),
    (240, 3), (219, 2), (257, 2), (525, 3), (548, 2), (440, 3), (416, 2), (229, 3), (366, 2), (533, 2), (419, 2),
)  # fmt: skip
"""(MID, share): Panama, Liberia, Marshall Islands, Hong Kong, Singapore, Malta, China, Bahamas, Vietnam, Japan, ..."""

NAMES_FIRST = (
    "OCEAN", "PACIFIC", "ATLANTIC", "STAR", "GOLDEN", "EVER", "NORDIC", "EASTERN", "SEA", "BLUE", "HAI", "SAIGON",
    "VIET", "THANG LONG", "MEKONG", "DONG NAI", "SUN", "GRAND", "ROYAL", "NEW", "GLOBAL", "CAPE", "MAERSK", "HANOI",
)  # fmt: skip
NAMES_SECOND = (
    "DRAGON", "GLORY", "PIONEER", "SPIRIT", "TRADER", "HARMONY", "EXPRESS", "FORTUNE", "LOTUS", "PHOENIX", "VICTORY",
    "WIND", "HORIZON", "BRIDGE", "LEADER", "WAVE", "PEARL", "HOPE", "ANH", "PHONG", "LONG", "HONG", "TIDE", "QUEEN",
)  # fmt: skip
DESTINATIONS = (
    "VNSGN", "VNHPH", "SGSIN", "CNSHA", "HKHKG", "JPTYO", "KRPUS", "MYPKG", "NLRTM", "DEHAM", "USNYC", "USLAX", "AEJEA",
    "EGSUZ", "BRSSZ", "AUSYD", "LKCMB", "INNSA", "FOR ORDERS", "FISHING",
)  # fmt: skip
