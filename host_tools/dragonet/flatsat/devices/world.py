# What the world tells each board's device models: one float per channel, in this order.
# V and A electrical, _t in degrees C, field in uT and rate in deg/s (body axes), switches 0 or 1.
# battery_a is positive when the battery charges.

# remove-before-flight inserted; separation switches pressed; the pin SAFE open (0: a jumper to ground)
_SWITCHES = ("rbf", "sep1", "sep2", "safe")

CHANNELS = {
    "eps": (
        "battery_v", "battery_a",
        "panel_x_v", "panel_x_a", "panel_y_v", "panel_y_a", "panel_z_v", "panel_z_a",
        "load_beacon_v", "load_beacon_a", "load_sensor_v", "load_sensor_a",
        "load_ais_v", "load_ais_a", "load_heater_v", "load_heater_a",
        "battery_t", "board_t",
    ) + _SWITCHES,
    "beacon": ("supply_v", "pa_t", "antenna") + _SWITCHES,
    "sensor": (
        "board_t", "panel_xp_t", "panel_xm_t", "payload_t",
        "field_x", "field_y", "field_z",
        "rate_x", "rate_y", "rate_z",
        "ais_antenna",
    ) + _SWITCHES,
}


def index(role, channel):
    """Position of a channel in its board's world; ValueError when there is none."""
    return CHANNELS[role].index(channel)
