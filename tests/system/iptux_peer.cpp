/* SPDX-License-Identifier: MPL-2.0
 *
 * iptux without its windows: the real program's core, driven by lines.
 *
 *     iptux_peer ADDRESS NICKNAME [CHARSET]
 *
 * ADDRESS "*": all of this machine, and it says by broadcast that it is there.
 *
 * Says on standard output what happens to it:
 *     ready | online IP NICK | update IP NICK | offline IP | message IP TEXT | sent 0|1
 * and does what it is told on standard input:
 *     detect IP | send IP TEXT | quit
 * "\n" and "\\" in TEXT stand for a line break and a backslash.
 */
#include <arpa/inet.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>

#include "iptux-core/CoreThread.h"
#include "iptux-core/Event.h"
#include "iptux-core/Exception.h"
#include "iptux-core/IptuxConfig.h"
#include "iptux-core/Models.h"
#include "iptux-core/ProgramData.h"

using namespace iptux;

static std::mutex output;

static std::string escaped(const std::string &text)
{
    std::string out;
    for (char c : text) {
        if (c == '\n')
            out += "\\n";
        else if (c == '\\')
            out += "\\\\";
        else
            out += c;
    }
    return out;
}

static std::string unescaped(const std::string &text)
{
    std::string out;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            i++;
            out += text[i] == 'n' ? '\n' : text[i];
        } else {
            out += text[i];
        }
    }
    return out;
}

static void say(const std::string &line)
{
    std::lock_guard<std::mutex> guard(output);
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

static std::string who(const CPPalInfo &pal)
{
    return pal->GetKey().GetIpv4String() + " " + escaped(pal->getName());
}

static void on_event(const std::shared_ptr<const Event> &event)
{
    switch (event->getType()) {
    case EventType::NEW_PAL_ONLINE:
        say("online " +
            who(std::dynamic_pointer_cast<const NewPalOnlineEvent>(event)->getPalInfo()));
        break;
    case EventType::PAL_UPDATE:
        say("update " +
            who(std::dynamic_pointer_cast<const PalUpdateEvent>(event)->getPalInfo()));
        break;
    case EventType::PAL_OFFLINE:
        say("offline " + std::dynamic_pointer_cast<const PalOfflineEvent>(event)
                             ->GetPalKey()
                             .GetIpv4String());
        break;
    case EventType::NEW_MESSAGE: {
        const MsgPara &message =
            std::dynamic_pointer_cast<const NewMessageEvent>(event)->getMsgPara();
        std::string text;
        for (const ChipData &chip : message.dtlist)
            text += chip.data;
        std::string kind = message.stype == MessageSourceType::ERROR ? "error " : "message ";
        say(kind + message.getPal()->GetKey().GetIpv4String() + " " + escaped(text));
        break;
    }
    default:
        break;
    }
}

static bool obey(CoreThread &core, const std::string &line)
{
    std::istringstream words(line);
    std::string verb, ip, text;
    words >> verb >> ip;
    std::getline(words >> std::ws, text);
    if (verb == "quit")
        return false;
    if (verb == "detect") {
        core.SendDetectPacket(ip);
    } else if (verb == "send") {
        CPPalInfo pal = core.GetPal(ip);
        say(std::string("sent ") +
            (pal && core.SendMessage(pal, unescaped(text)) ? "1" : "0"));
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    auto config = IptuxConfig::newFromString("{}");
    if (std::string(argv[1]) != "*") {
        config->SetString("bind_ip", argv[1]);
        config->SetBool("debug_dont_broadcast", true);
    }
    config->SetString("nick_name", argv[2]);
    if (argc > 3)
        config->SetString("net_encode", argv[3]);
    try {
        CoreThread core(std::make_shared<ProgramData>(config));
        core.signalEvent.connect(sigc::ptr_fun(on_event));
        core.start();
        say("ready");
        std::string line;
        while (std::getline(std::cin, line) && obey(core, line)) {
        }
        core.stop();
    } catch (const std::exception &error) {
        say(std::string("failed ") + error.what());
        return 1;
    }
    say("gone");
    std::fflush(stdout);
    _exit(0); /* its threads need not be waited for */
}
